#include "smtp_binding.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
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
constexpr std::int64_t kConnections = 20;
constexpr std::size_t kMostFileName = 255;

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

cleat_failure failure_of(const TransferFailure& failure, std::string& text) {
  using Kind = TransferFailure::Kind;
  text = "smtp binding error: " + failure.text;
  cleat_status status = status_of(failure.kind);
  bool is_final = failure.kind == Kind::invalid || failure.kind == Kind::login;
  if (failure.kind == Kind::refused) {
    // 4xx: not now. 5xx: never, and 530 asks for a user.
    is_final = failure.code >= 500;
    if (!is_final) status = CLEAT_UNAVAILABLE;
    if (failure.code == 530) status = CLEAT_UNAUTHENTICATED;
  } else if (failure.was_sent) {
    is_final = true;
    text += "; the mail had been sent and may arrive";
  }
  return {sizeof(cleat_failure), status, is_final ? 0 : CLEAT_RETRYABLE, 0, failure.code, str(text)};
}

/// Go's client, and with it Dapr's binding, tells a password in the clear to nobody else either.
bool is_this_machine(const std::string& host) {
  return host == "localhost" || host == "127.0.0.1" || host == "::1";
}

common::MailRequest::Tls tls_of(const std::string& asked, std::uint16_t port, bool has_password,
                                const std::string& host) {
  using Tls = common::MailRequest::Tls;
  if (asked == "starttls") return Tls::required;
  if (asked == "none") return Tls::none;
  if (asked == "implicit" || port == kImplicitPort) return Tls::implicit;
  return has_password && !is_this_machine(host) ? Tls::required : Tls::when_offered;
}

}  // namespace

void SmtpBinding::init(const Config& config) {
  host_name_ = config.text("host");
  const auto port = config.integer("port");
  if (host_name_.empty() || port == 0) refuse("host and port fields are required in metadata");
  if (host_name_.find_first_of("/@?#[] \t\r\n") != std::string::npos)
    refuse("host: expected the name or the address of a server and nothing else, found '" + host_name_ + "'");
  if (port < 1 || port > 65535) refuse("port: expected 1 to 65535, found '" + std::to_string(port) + "'");
  port_ = static_cast<std::uint16_t>(port);
  user_ = config.text("user");
  password_ = config.text("password");
  if (user_.empty() != password_.empty())
    refuse("user and password fields are required in metadata: give both or neither");
  skip_verify_ = config.boolean("skipTLSVerify");
  strict_dapr_ = config.fact("strict-dapr") == "true";
  ca_ = config.text("caCert");
  tls_ = tls_of(config.text("tls"), port_, !password_.empty(), host_name_);
  defaults_ = {config.text("emailFrom"), config.text("emailTo"), config.text("emailCC"),
               config.text("emailBCC"),  config.text("subject"), config.text("priority")};
  parse_mailboxes("emailFrom", defaults_.from);
  parse_mailboxes("emailTo", defaults_.to);
  parse_mailboxes("emailCC", defaults_.cc);
  parse_mailboxes("emailBCC", defaults_.bcc);
  priority_of(defaults_.priority);
  const auto connections = config.integer("maxConnections", kConnections);
  if (connections < 1 || connections > 1000)
    refuse("maxConnections: expected 1 to 1000, found '" + std::to_string(connections) + "'");
  max_connections_ = static_cast<long>(connections);
  common::check_pem({ca_, "", ""}, skip_verify_);
}

void SmtpBinding::start(Deadline /*deadline*/) {
  common::CurlLoop::Options options;
  options.ca = ca_;
  options.skip_verify = skip_verify_;
  options.max_connections = max_connections_;
  curl_.emplace(std::move(options));
  health_.emplace(host_, curl_->loop());
  curl_->start();
}

Mail SmtpBinding::mail_of(const Request& request) const {
  const auto asked = [&](const char* name, const std::string& fallback) {
    return std::string(request.metadata(name).value_or(fallback));
  };
  Mail mail;
  auto from = parse_mailboxes("emailFrom", asked("emailFrom", defaults_.from));
  if (from.empty()) refuse("emailFrom property not supplied in configuration- or request-metadata");
  if (from.size() > 1) refuse("emailFrom: expected one address, found " + std::to_string(from.size()));
  mail.from = std::move(from[0]);
  mail.to = parse_mailboxes("emailTo", asked("emailTo", defaults_.to));
  if (mail.to.empty()) refuse("emailTo property not supplied in configuration- or request-metadata");
  mail.cc = parse_mailboxes("emailCC", asked("emailCC", defaults_.cc));
  mail.bcc = parse_mailboxes("emailBCC", asked("emailBCC", defaults_.bcc));
  mail.subject = asked("subject", defaults_.subject);
  if (mail.subject.empty()) refuse("subject property not supplied in configuration- or request-metadata");
  if (mail.subject.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
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
    if (key.size() - kAttachment.size() > kMostFileName)
      refuse("attachment: expected a file name of at most " + std::to_string(kMostFileName) + " bytes");
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
  return {date_text(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())),
          std::string(text.data()) + mail.from.address.substr(mail.from.address.rfind('@')),
          "cleat-" + std::string(text.data())};
}

void SmtpBinding::invoke(const Request& request, Call&& call) {
  if (request.operation() != "create")
    throw Error(CLEAT_UNSUPPORTED,
                "bindings.smtp offers create, not '" + std::string(request.operation()) + "'");
  const Mail mail = mail_of(request);
  common::MailRequest out;
  out.tag = request.id();
  out.host = host_name_;
  out.port = port_;
  out.tls = tls_;
  out.user = user_;
  out.password = password_;
  out.from = mail.from.address;
  for (const auto* list : {&mail.to, &mail.cc, &mail.bcc}) {
    for (const Mailbox& each : *list)
      out.to.push_back(each.address);
  }
  out.text = compose(mail, new_stamp(mail));
  out.deadline_ns = request.deadline().at_ns;
  // std::function wants to be copied, and a call cannot be.
  auto held = std::make_shared<Call>(std::move(call));
  curl_->send(std::move(out), [this, held](const TransferFailure* failure) { answered(*held, failure); });
}

void SmtpBinding::answered(Call& call, const TransferFailure* failure) {
  using Kind = TransferFailure::Kind;
  const bool is_down = failure != nullptr && (failure->kind == Kind::unreachable ||
                                              failure->kind == Kind::tls || failure->kind == Kind::login);
  const bool is_up = failure == nullptr || failure->kind == Kind::refused;
  if (is_down) health_->tell(CLEAT_HEALTH_DOWN, failure->text);
  if (is_up) health_->tell(CLEAT_HEALTH_UP, "");
  if (failure == nullptr) return call.complete();
  std::string text;
  call.fail(failure_of(*failure, text));
}

void SmtpBinding::cancel(std::uint64_t call_id) {
  curl_->cancel(call_id);
}

void SmtpBinding::stop(Deadline /*deadline*/) {
  curl_->stop();
}

}  // namespace cleat::smtp
