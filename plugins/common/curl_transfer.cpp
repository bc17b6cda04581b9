#include "common/curl_transfer.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "common/text.hpp"

namespace cleat::common {
namespace {

constexpr long kMostRedirects = 10;
constexpr int kUserTimeoutMs = 15'000;

int set_socket_options(void* /*user*/, curl_socket_t descriptor, curlsocktype /*purpose*/) {
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMs, sizeof kUserTimeoutMs);
  return CURL_SOCKOPT_OK;
}

int keep_descriptor(void* user, curl_socket_t descriptor, curlsocktype purpose) {
  *static_cast<int*>(user) = descriptor;
  return set_socket_options(user, descriptor, purpose);
}

int close_descriptor(void* user, curl_socket_t descriptor) {
  auto* kept = static_cast<int*>(user);
  if (*kept == descriptor) *kept = -1;
  return ::close(descriptor);
}

bool put_blob(CURL* easy, CURLoption option, const std::string& text) {
  if (text.empty()) return true;
  // Only pointed at: the options outlive every transfer.
  curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
  return curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

/// "HTTP/1.1 404 Not Found" begins a header, also the one after a redirect or a 100.
void begin_header(HttpResponse& response, std::string_view line) {
  response = {};
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return;
  line = trimmed(line.substr(blank));
  std::from_chars(line.data(), line.data() + line.size(), response.status);
  const std::size_t reason = line.find(' ');
  if (reason != std::string_view::npos) response.reason = trimmed(line.substr(reason));
}

}  // namespace

bool CurlLoop::Transfer::prepare(const Options& options, bool fresh) {
  easy.reset(curl_easy_init());
  if (!easy) return false;
  CURL* handle = easy.get();
  curl_easy_setopt(handle, CURLOPT_PRIVATE, this);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error.data());
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  // Without it the end of a transfer whose name is still being looked up waits for the resolver.
  curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_within.count()));
  curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, set_socket_options);
  curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  if (fresh) curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, 1L);
  return prepare_tls(options) && (is_mail ? prepare_mail() : prepare_http()) &&
         curl_easy_setopt(handle, CURLOPT_USERAGENT, options.user_agent.c_str()) == CURLE_OK;
}

bool CurlLoop::Transfer::prepare_tls(const Options& options) {
  CURL* handle = easy.get();
  curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (options.skip_verify) {
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  return put_blob(handle, CURLOPT_CAINFO_BLOB, options.ca) &&
         put_blob(handle, CURLOPT_SSLCERT_BLOB, options.cert) &&
         put_blob(handle, CURLOPT_SSLKEY_BLOB, options.key);
}

bool CurlLoop::Transfer::prepare_http() {
  CURL* handle = easy.get();
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(handle, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, http.follow_redirects ? 1L : 0L);
  curl_easy_setopt(handle, CURLOPT_MAXREDIRS, kMostRedirects);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
  if (http.has_body) {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(http.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, http.body.empty() ? "" : http.body.data());
    // POST itself is told by POSTFIELDS, so that a redirect may turn it into GET, as it does with Go's client.
    if (http.method != "POST") curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, http.method.c_str());
  } else if (http.method == "HEAD") {
    curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
  } else if (http.method != "GET") {
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, http.method.c_str());
  }
  curl_slist* lines = nullptr;
  for (const auto& [name, value] : http.headers) {
    // An empty value needs another form, or libcurl takes the header out.
    const std::string line = value.empty() ? name + ";" : name + ": " + value;
    lines = curl_slist_append(lines, line.c_str());
  }
  list.reset(curl_slist_append(lines, "Expect:"));
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, list.get());
  return curl_easy_setopt(handle, CURLOPT_URL, http.url.c_str()) == CURLE_OK;
}

bool CurlLoop::Transfer::prepare_mail() {
  CURL* handle = easy.get();
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(handle, CURLOPT_USE_SSL,
                   static_cast<long>(mail.needs_tls ? CURLUSESSL_ALL
                                     : mail.use_tls ? CURLUSESSL_TRY
                                                    : CURLUSESSL_NONE));
  if (!mail.user.empty()) {
    curl_easy_setopt(handle, CURLOPT_USERNAME, mail.user.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, mail.password.c_str());
  }
  curl_easy_setopt(handle, CURLOPT_MAIL_FROM, mail.from.c_str());
  curl_slist* recipients = nullptr;
  for (const std::string& each : mail.to)
    recipients = curl_slist_append(recipients, each.c_str());
  list.reset(recipients);
  curl_easy_setopt(handle, CURLOPT_MAIL_RCPT, list.get());
  curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(handle, CURLOPT_READFUNCTION, on_mail);
  curl_easy_setopt(handle, CURLOPT_READDATA, this);
  curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(mail.text.size()));
  // Nothing is kept between two mails.
  curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, keep_descriptor);
  curl_easy_setopt(handle, CURLOPT_SOCKOPTDATA, &descriptor);
  curl_easy_setopt(handle, CURLOPT_CLOSESOCKETFUNCTION, close_descriptor);
  curl_easy_setopt(handle, CURLOPT_CLOSESOCKETDATA, &descriptor);
  return curl_easy_setopt(handle, CURLOPT_URL, mail.url.c_str()) == CURLE_OK;
}

std::size_t CurlLoop::Transfer::on_header(char* text, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::string_view line(text, size * count);
  const std::size_t colon = line.find(':');
  if (line.substr(0, 5) == "HTTP/") {
    begin_header(transfer.response, line);
  } else if (colon != std::string_view::npos) {
    transfer.response.headers.emplace_back(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
  }
  return size * count;
}

std::size_t CurlLoop::Transfer::on_body(char* text, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::size_t length = size * count;
  const std::uint64_t most = transfer.http.max_response_bytes;
  if (most != 0 && transfer.response.body.size() + length > most) {
    transfer.is_too_large = true;
    return 0;  // ends the transfer
  }
  transfer.response.body.append(text, length);
  return length;
}

std::size_t CurlLoop::Transfer::on_mail(char* text, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::size_t length = std::min(size * count, transfer.mail.text.size() - transfer.mail_sent);
  std::memcpy(text, transfer.mail.text.data() + transfer.mail_sent, length);
  transfer.mail_sent += length;
  return length;
}

void CurlLoop::Transfer::answer(const TransferFailure* failure) {
  if (is_answered) return;
  is_answered = true;
  if (is_mail) {
    mail_done(failure);
  } else {
    http_done(response.status != 0 ? &response : nullptr, failure);
  }
}

TransferFailure CurlLoop::Transfer::failure_of(CURLcode code) const {
  TransferFailure failure;
  failure.text = error[0] != '\0' ? error.data() : curl_easy_strerror(code);
  long sent = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_REQUEST_SIZE, &sent);
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &failure.code);
  failure.was_sent = is_mail ? mail_sent == mail.text.size() : sent > 0;
  using Kind = TransferFailure::Kind;
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_TOO_MANY_REDIRECTS:
      failure.kind = Kind::invalid;
      break;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      failure.kind = Kind::unreachable;
      break;
    case CURLE_OPERATION_TIMEDOUT:
      failure.kind = Kind::timeout;
      break;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CIPHER:
    case CURLE_USE_SSL_FAILED:
      failure.kind = Kind::tls;
      break;
    case CURLE_LOGIN_DENIED:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_REMOTE_ACCESS_DENIED:
      failure.kind = Kind::refused;
      break;
    case CURLE_SEND_ERROR:
      // SMTP: a recipient or the sender was not taken.
      failure.kind = is_mail && failure.code >= 400 ? Kind::refused : Kind::broken;
      break;
    case CURLE_WRITE_ERROR:
      failure.kind = is_too_large ? Kind::too_large : Kind::broken;
      break;
    default:
      failure.kind = is_mail && failure.code >= 400 ? Kind::refused : Kind::broken;
      break;
  }
  return failure;
}

}  // namespace cleat::common
