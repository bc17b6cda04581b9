#include "common/curl/transfer.hpp"

namespace cleat::common {

using Kind = TransferFailure::Kind;

long CurlLoop::Transfer::bytes_sent() const {
  long sent = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_REQUEST_SIZE, &sent);
  return sent;
}

bool CurlLoop::Transfer::was_sent() const {
  return was_carried_out_ || is_on_its_way();
}

bool CurlLoop::Transfer::is_on_its_way() const {
  if (is_mail) return mail_sent_ == mail.text.size();
  return attempts_ > 0 && bytes_sent() > sent_before_;
}

std::string CurlLoop::Transfer::reason(const char* otherwise) const {
  return error_[0] != '\0' ? error_.data() : otherwise;
}

TransferFailure CurlLoop::Transfer::failure(Kind kind, std::string text) const {
  TransferFailure failure;
  failure.kind = kind;
  failure.was_sent = was_sent();
  failure.text = std::move(text);
  if (failure.text.empty())
    failure.text = attempts_ > 0 || has_reply_ ? "no answer came within the time of the call"
                                               : "no connection was made within the time of the call";
  return failure;
}

TransferFailure CurlLoop::Transfer::failure_of(int code) const {
  TransferFailure found = failure(kind_of(code), reason(curl_easy_strerror(static_cast<CURLcode>(code))));
  found.code = refusal_code_;
  if (header_bytes_ > kMostHeaderBytes) found.text = "the answer's headers are larger than 256 KiB";
  if (is_tls_denied_) found.text = "the server offered STARTTLS and then refused it";
  if (code == CURLE_ABORTED_BY_CALLBACK) found.text = "the connection ended before an answer came";
  if (!refusal_.empty() && (found.kind == Kind::refused || found.kind == Kind::login))
    found.text += ": " + refusal_;
  return found;
}

Kind CurlLoop::Transfer::kind_of(int code) const {
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:  // also an answer that is none of HTTP
      return was_sent() ? Kind::refused : Kind::invalid;
    case CURLE_URL_MALFORMAT:
      return Kind::invalid;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return Kind::unreachable;
    case CURLE_OPERATION_TIMEDOUT:
      return Kind::timeout;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CIPHER:
    case CURLE_USE_SSL_FAILED:
      return Kind::tls;
    case CURLE_LOGIN_DENIED:
      return Kind::login;
    case CURLE_WRITE_ERROR:
      // One of our own functions has ended it.
      return is_tls_denied_ ? Kind::tls : is_too_large_ ? Kind::too_large : Kind::refused;
    default:
      // A mail server's answer, or what libcurl makes of one: a receiver that was not taken ends as a failure to send.
      return refusal_code_ != 0 ? Kind::refused : Kind::broken;
  }
}

}  // namespace cleat::common
