#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <string>

#include "common/curl/loop.hpp"
#include "common/fading_health.hpp"
#include "mail.hpp"

namespace cleat::smtp {

/// bindings.smtp: each call is one mail over a connection of its own.
class SmtpBinding {
 public:
  explicit SmtpBinding(Host host) : host_(host) {}
  SmtpBinding(const SmtpBinding&) = delete;
  SmtpBinding& operator=(const SmtpBinding&) = delete;

  void init(const Config& config);
  void start(Deadline deadline);
  void invoke(const Request& request, Call&& call);
  void cancel(std::uint64_t call_id);
  void stop(Deadline deadline);

 private:
  [[nodiscard]] Mail mail_of(const Request& request) const;
  Stamp new_stamp(const Mail& mail);
  void answered(Call& call, const common::TransferFailure* failure);

  Host host_;
  std::string host_name_, user_, password_, ca_;
  std::uint16_t port_ = 0;
  bool skip_verify_ = false, strict_dapr_ = false;
  common::MailRequest::Tls tls_ = common::MailRequest::Tls::when_offered;
  /// What a request does not say.
  struct Defaults {
    std::string from, to, cc, bcc, subject, priority;
  } defaults_;
  long max_connections_ = 0;
  std::optional<common::FadingHealth> health_;  ///< of the loop's thread, which ends before it
  std::optional<common::CurlLoop> curl_;
  std::mutex mutex_;  ///< for random_
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace cleat::smtp
