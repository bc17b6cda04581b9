#include "common/curl/transfer.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <charconv>

#include "common/text.hpp"

namespace cleat::common {
namespace {

constexpr int kUserTimeoutMs = 15'000;

int set_socket_options(void* /*user*/, curl_socket_t descriptor, curlsocktype /*purpose*/) {
  set_user_timeout(descriptor);
  return CURL_SOCKOPT_OK;
}

bool put_blob(CURL* easy, CURLoption option, const std::string& text) {
  if (text.empty()) return true;
  // Only pointed at: the options outlive every transfer.
  curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
  return curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

/// "HTTP/1.1 404 Not Found" begins a header, also the one after a 100 or the answer of a proxy.
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

void set_user_timeout(int descriptor) {
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMs, sizeof kUserTimeoutMs);
}

void CurlLoop::FreeEasy::operator()(void* easy) const {
  curl_easy_cleanup(easy);
}

bool CurlLoop::Transfer::prepare(const Options& options) {
  if (!easy && !make_easy(options)) return false;
  error_[0] = '\0';
  curl_easy_setopt(easy.get(), CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, error_.data());
  return is_mail ? prepare_mail() : prepare_http();
}

bool CurlLoop::Transfer::make_easy(const Options& options) {
  easy.reset(curl_easy_init());
  if (!easy) return false;
  CURL* handle = easy.get();
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  // Without it the end of a transfer whose name is still being looked up waits for the resolver.
  curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_within.count()));
  curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, set_socket_options);
  curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, is_mail ? "smtp,smtps" : "http,https");
  if (!is_mail) {
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
  }
  return prepare_tls(options) &&
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
  response_ = {};
  header_bytes_ = 0;
  is_head_whole_ = false;
  attempts_ = 0;
  // With TLS the handshake says whether a connection takes several requests, and those that come meanwhile wait for it.
  // In the clear only the first answer would, which may take its time.
  curl_easy_setopt(handle, CURLOPT_PIPEWAIT, lower(http.url.substr(0, 6)) == "https:" ? 1L : 0L);
  curl_easy_setopt(handle, CURLOPT_NOPROXY, http.is_direct ? "*" : nullptr);
  curl_easy_setopt(handle, CURLOPT_PREREQDATA, this);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
  // Takes back what the request before this one set: a body, or that there is to be none.
  curl_easy_setopt(handle, CURLOPT_HTTPGET, 1L);
  const bool is_head = !http.has_body && http.method == "HEAD";
  if (http.has_body) {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(http.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, http.body.empty() ? "" : http.body.data());
  } else if (is_head) {
    curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
  }
  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, is_head ? nullptr : http.method.c_str());
  curl_slist* lines = nullptr;
  for (const HttpHeader& header : http.headers) {
    // An empty value needs another form, or libcurl takes the header out.
    const std::string line = header.value.empty() ? header.name + ";" : header.name + ": " + header.value;
    lines = curl_slist_append(lines, line.c_str());
  }
  list_.reset(curl_slist_append(lines, "Expect:"));
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, list_.get());
  return curl_easy_setopt(handle, CURLOPT_URL, http.url.c_str()) == CURLE_OK;
}

/// Called whenever a connection is there and the request is about to go out over it. libcurl begins anew when a kept
/// connection ends without an answer, whatever the method is; the far end may have had the request by then.
int CurlLoop::Transfer::on_request(void* self, char* /*far*/, char* /*near*/, int /*far_port*/,
                                   int /*near_port*/) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (transfer.is_on_its_way() && !transfer.http.may_run_twice) return CURL_PREREQFUNC_ABORT;
  if (transfer.attempts_++ == 0) transfer.sent_before_ = transfer.bytes_sent();
  if (transfer.http.on_begin) transfer.http.on_begin();
  return CURL_PREREQFUNC_OK;
}

std::size_t CurlLoop::Transfer::on_header(char* text, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::string_view line(text, size * count);
  transfer.header_bytes_ += line.size();
  if (transfer.header_bytes_ > kMostHeaderBytes) return 0;  // ends the transfer
  const std::size_t colon = line.find(':');
  if (line.substr(0, 5) == "HTTP/") {
    begin_header(transfer.response_, line);
    transfer.response_.was_carried_out = transfer.was_carried_out_;
    transfer.is_head_whole_ = false;
  } else if (trimmed(line).empty()) {
    transfer.is_head_whole_ = true;
  } else if (colon != std::string_view::npos) {
    transfer.response_.headers.emplace_back(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
  }
  return line.size();
}

std::size_t CurlLoop::Transfer::on_body(char* text, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::size_t length = size * count;
  const std::uint64_t most = transfer.http.max_response_bytes;
  // Of a redirect only the address counts.
  if (transfer.is_sent_elsewhere()) return length;
  if (most != 0 && transfer.response_.body.size() + length > most) {
    transfer.is_too_large_ = true;
    return 0;  // ends the transfer
  }
  transfer.response_.body.append(text, length);
  return length;
}

void CurlLoop::Transfer::answer(const TransferFailure* failure) {
  if (is_answered_) return;
  is_answered_ = true;
  if (is_mail) {
    mail_done(failure);
  } else {
    http_done(response_.status != 0 ? &response_ : nullptr, failure);
  }
}

}  // namespace cleat::common
