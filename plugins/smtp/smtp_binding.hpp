#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>

#include "common/curl_loop.hpp"
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
  enum class Tls { when_offered, start, from_the_beginning, none };

  [[nodiscard]] Mail mail_of(const Request& request) const;
  Stamp new_stamp(const Mail& mail);

  Host host_;
  std::string host_name_, user_, password_, ca_;
  std::uint16_t port_ = 0;
  bool skip_verify_ = false, strict_dapr_ = false;
  Tls tls_ = Tls::when_offered;
  /// What a request does not say.
  struct Defaults {
    std::string from, to, cc, bcc, subject, priority;
  } defaults_;
  std::optional<common::CurlLoop> curl_;
  std::mutex mutex_;
  std::mt19937_64 random_{std::random_device{}()};
  std::unordered_map<std::uint64_t, std::uint64_t> transfers_;  ///< of calls that are out, for cancel()
};

}  // namespace cleat::smtp
