#include <algorithm>
#include <charconv>
#include <cstring>

#include "common/curl/transfer.hpp"
#include "common/text.hpp"

namespace cleat::common {
namespace {

constexpr std::size_t kMostReply = 300;

std::string url_of(const MailRequest& mail) {
  const bool is_v6 = mail.host.find(':') != std::string::npos;
  return std::string(mail.tls == MailRequest::Tls::implicit ? "smtps" : "smtp") + "://" +
         (is_v6 ? "[" + mail.host + "]" : mail.host) + ":" + std::to_string(mail.port);
}

long use_ssl(MailRequest::Tls tls) {
  switch (tls) {
    case MailRequest::Tls::none:
      return CURLUSESSL_NONE;
    case MailRequest::Tls::when_offered:
      return CURLUSESSL_TRY;
    default:
      return CURLUSESSL_ALL;
  }
}

}  // namespace

bool CurlLoop::Transfer::prepare_mail() {
  CURL* handle = easy.get();
  curl_easy_setopt(handle, CURLOPT_USE_SSL, use_ssl(mail.tls));
  if (!mail.user.empty()) {
    curl_easy_setopt(handle, CURLOPT_USERNAME, mail.user.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, mail.password.c_str());
  }
  curl_easy_setopt(handle, CURLOPT_MAIL_FROM, mail.from.c_str());
  curl_slist* recipients = nullptr;
  for (const std::string& each : mail.to)
    recipients = curl_slist_append(recipients, each.c_str());
  list_.reset(recipients);
  curl_easy_setopt(handle, CURLOPT_MAIL_RCPT, list_.get());
  curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(handle, CURLOPT_READFUNCTION, on_mail);
  curl_easy_setopt(handle, CURLOPT_READDATA, this);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_reply);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(mail.text.size()));
  // Nothing is kept between two mails.
  curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, 1L);
  pool->keep_sockets(handle);
  return curl_easy_setopt(handle, CURLOPT_URL, url_of(mail).c_str()) == CURLE_OK;
}

std::size_t CurlLoop::Transfer::on_mail(char* text, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::size_t length = std::min(size * count, transfer.mail.text.size() - transfer.mail_sent_);
  std::memcpy(text, transfer.mail.text.data() + transfer.mail_sent_, length);
  transfer.mail_sent_ += length;
  return length;
}

std::size_t CurlLoop::Transfer::on_reply(char* text, std::size_t size, std::size_t count, void* self) {
  const std::size_t length = size * count;
  return static_cast<Transfer*>(self)->take_reply({text, length}) ? length : 0;
}

/// libcurl goes on in the clear if a server offers STARTTLS and then does not want it. Who stands between could do that
/// to learn a password. False ends the transfer.
bool CurlLoop::Transfer::take_reply(std::string_view line) {
  const std::string_view reply = trimmed(line);
  has_reply_ = true;
  if (!reply.empty() && (reply[0] == '4' || reply[0] == '5')) {
    std::from_chars(reply.data(), reply.data() + std::min<std::size_t>(reply.size(), 3), refusal_code_);
    refusal_.clear();
    for (const char c : reply.substr(0, kMostReply))
      refusal_.push_back(static_cast<unsigned char>(c) < 0x20U || c == 0x7F ? ' ' : c);
  }
  if (mail.tls != MailRequest::Tls::when_offered && mail.tls != MailRequest::Tls::required) return true;
  const bool is_last = reply.size() < 4 || reply[3] != '-';
  if (start_tls_ == StartTls::asked_for) {
    is_tls_denied_ = reply.substr(0, 3) != "220";
    start_tls_ = StartTls::agreed;
    return !is_tls_denied_;
  }
  if (start_tls_ == StartTls::unknown && reply.size() > 4 && reply.substr(0, 3) == "250" &&
      equal_ignoring_case(trimmed(reply.substr(4)), "STARTTLS"))
    start_tls_ = StartTls::offered;
  if (start_tls_ == StartTls::offered && is_last) start_tls_ = StartTls::asked_for;
  return true;
}

}  // namespace cleat::common
