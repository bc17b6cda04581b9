#include "smtp_binding.hpp"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <ctime>
#include <utility>

#include "common/base64.hpp"
#include "common/text.hpp"
#include "common/tls.hpp"
#include "common/unquote.hpp"

namespace cleat::smtp {
namespace {

using common::TransferFailure;

constexpr std::string_view kAttachment = "attachment.";
constexpr std::uint16_t kImplicitPort = 465;

[[noreturn]] void refuse(const std::string& text) {
  throw Error(CLEAT_INVALID, "smtp binding error: " + text);
}

int priority_of(const std::string& text) {
  if (text.empty()) return 3;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > 5) {
    refuse("priority value must be between 1 (highest) and 5 (lowest), found '" + text + "'");
  }
  return value;
}

/// RFC 5322, in English whatever the locale is.
std::string date_text(std::time_t now) {
  constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d +0000",
                kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                utc.tm_sec);
  return text.data();
}

void fail(Call& call, const TransferFailure& failure) {
  using Kind = TransferFailure::Kind;
  std::string text = "smtp binding error: " + failure.text;
  if (failure.kind == Kind::timeout || failure.kind == Kind::cancelled || failure.kind == Kind::broken) {
    if (failure.was_sent) text += "; the mail had been sent and may arrive";
    const cleat_status status = failure.kind == Kind::timeout     ? CLEAT_TIMEOUT
                                : failure.kind == Kind::cancelled ? CLEAT_CANCELLED
                                                                  : CLEAT_UNAVAILABLE;
    call.fail(status, text, failure.was_sent ? 0 : CLEAT_RETRYABLE, failure.code);
    return;
  }
  if (failure.kind == Kind::refused) {
    // 4xx: not now. 5xx: never.
    const bool is_login =
        failure.code == 530 || failure.code == 534 || failure.code == 535 || failure.code == 0;
    const bool is_final = failure.code >= 500 || failure.code == 0;
    const cleat_status status = is_login   ? CLEAT_UNAUTHENTICATED
                                : is_final ? CLEAT_REMOTE
                                           : CLEAT_UNAVAILABLE;
    call.fail(status, text + (failure.code != 0 ? " (" + std::to_string(failure.code) + ")" : ""),
              is_final ? 0 : CLEAT_RETRYABLE, failure.code);
    return;
  }
  const bool is_final = failure.kind == Kind::invalid;
  call.fail(is_final ? CLEAT_INVALID : CLEAT_UNAVAILABLE, text, is_final ? 0 : CLEAT_RETRYABLE, failure.code);
}

}  // namespace

void SmtpBinding::init(const Config& config) {
  host_name_ = config.text("host");
  const auto port = config.integer("port");
  if (host_name_.empty() || port == 0) refuse("host and port fields are required in metadata");
  if (port < 1 || port > 65535) refuse("port: expected 1 to 65535, found '" + std::to_string(port) + "'");
  port_ = static_cast<std::uint16_t>(port);
  user_ = config.text("user");
  password_ = config.text("password");
  if (user_.empty() != password_.empty())
    refuse("user and password fields are required in metadata: give both or neither");
  skip_verify_ = config.boolean("skipTLSVerify");
  strict_dapr_ = config.fact("strict-dapr") == "true";
  ca_ = config.text("caCert");
  const std::string tls = config.text("tls");
  tls_ = tls == "starttls"                                              ? Tls::start
         : tls == "none"                                                ? Tls::none
         : tls == "implicit" || (tls.empty() && port_ == kImplicitPort) ? Tls::from_the_beginning
                                                                        : Tls::when_offered;
  defaults_ = {config.text("emailFrom"), config.text("emailTo"), config.text("emailCC"),
               config.text("emailBCC"),  config.text("subject"), config.text("priority")};
  parse_addresses("emailFrom", defaults_.from);
  parse_addresses("emailTo", defaults_.to);
  parse_addresses("emailCC", defaults_.cc);
  parse_addresses("emailBCC", defaults_.bcc);
  priority_of(defaults_.priority);
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  &SSL_CTX_free);
  if (context) common::use_pem(context.get(), {ca_, "", ""}, skip_verify_);
}

void SmtpBinding::start(Deadline /*deadline*/) {
  common::CurlLoop::Options options;
  options.ca = ca_;
  options.skip_verify = skip_verify_;
  curl_.emplace(std::move(options));
  curl_->start();
}

Mail SmtpBinding::mail_of(const Request& request) const {
  const auto asked = [&](const char* name, const std::string& fallback) {
    return std::string(request.metadata(name).value_or(fallback));
  };
  Mail mail;
  const auto from = parse_addresses("emailFrom", asked("emailFrom", defaults_.from));
  if (from.empty()) refuse("emailFrom property not supplied in configuration- or request-metadata");
  if (from.size() > 1) refuse("emailFrom: expected one address, found " + std::to_string(from.size()));
  mail.from = from[0];
  mail.to = parse_addresses("emailTo", asked("emailTo", defaults_.to));
  if (mail.to.empty()) refuse("emailTo property not supplied in configuration- or request-metadata");
  mail.cc = parse_addresses("emailCC", asked("emailCC", defaults_.cc));
  mail.bcc = parse_addresses("emailBCC", asked("emailBCC", defaults_.bcc));
  mail.subject = asked("subject", defaults_.subject);
  if (mail.subject.empty()) refuse("subject property not supplied in configuration- or request-metadata");
  if (mail.subject.find_first_of("\r\n") != std::string::npos)
    refuse("subject: expected one line, found a line end");
  mail.priority = priority_of(asked("priority", defaults_.priority));
  mail.text = asked("text", "");
  const auto plain = strict_dapr_ ? common::go_unquoted(request.data()) : common::unquoted(request.data());
  mail.html = plain ? *plain : std::string(request.data());
  const cleat_map& metadata = request.raw().metadata;
  for (std::size_t i = 0; i < metadata.count; ++i) {
    const std::string_view key = view(metadata.items[i].key);
    if (!common::equal_ignoring_case(key.substr(0, kAttachment.size()), kAttachment) ||
        key.size() == kAttachment.size())
      continue;
    const auto bytes = common::from_base64(view(metadata.items[i].value));
    if (!bytes) refuse(std::string(key) + ": expected the attachment's bytes in base64");
    mail.attachments.push_back({std::string(key.substr(kAttachment.size())), *bytes});
  }
  return mail;
}

Stamp SmtpBinding::new_stamp(const Mail& mail) {
  std::uint64_t high = 0, low = 0;
  {
    const std::lock_guard lock(mutex_);
    high = random_();
    low = random_();
  }
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx", static_cast<unsigned long long>(high),
                static_cast<unsigned long long>(low));
  const std::string from = envelope_address(mail.from);
  return {date_text(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())),
          std::string(text.data()) + from.substr(from.find('@')), "cleat-" + std::string(text.data())};
}

void SmtpBinding::invoke(const Request& request, Call&& call) {
  if (request.operation() != "create")
    throw Error(CLEAT_UNSUPPORTED,
                "bindings.smtp offers create, not '" + std::string(request.operation()) + "'");
  const Mail mail = mail_of(request);
  common::MailRequest out;
  const bool is_v6 = host_name_.find(':') != std::string::npos;
  out.url = std::string(tls_ == Tls::from_the_beginning ? "smtps" : "smtp") + "://" +
            (is_v6 ? "[" + host_name_ + "]" : host_name_) + ":" + std::to_string(port_);
  out.user = user_;
  out.password = password_;
  out.from = envelope_address(mail.from);
  for (const auto* list : {&mail.to, &mail.cc, &mail.bcc}) {
    for (const std::string& each : *list)
      out.to.push_back(envelope_address(each));
  }
  out.text = compose(mail, new_stamp(mail));
  out.use_tls = tls_ != Tls::none;
  out.needs_tls = tls_ == Tls::start;
  out.deadline_ns = request.deadline().at_ns;
  const std::uint64_t id = request.id();
  // std::function wants to be copied, and a call cannot be.
  auto held = std::make_shared<Call>(std::move(call));
  const std::lock_guard lock(mutex_);  // the answer may be there before the number is
  transfers_[id] = curl_->send(std::move(out), [this, id, held](const TransferFailure* failure) {
    {
      const std::lock_guard guard(mutex_);
      transfers_.erase(id);
    }
    if (failure == nullptr) {
      held->complete();
    } else {
      fail(*held, *failure);
    }
  });
}

void SmtpBinding::cancel(std::uint64_t call_id) {
  const std::lock_guard lock(mutex_);
  const auto found = transfers_.find(call_id);
  if (found != transfers_.end()) curl_->cancel(found->second);
}

void SmtpBinding::stop(Deadline /*deadline*/) {
  curl_->stop();
}

}  // namespace cleat::smtp
