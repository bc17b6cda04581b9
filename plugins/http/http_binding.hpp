#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include "common/curl/loop.hpp"
#include "common/fading_health.hpp"
#include "http_config.hpp"

namespace cleat::http {

/// bindings.http: each call is one request.
class HttpBinding {
 public:
  explicit HttpBinding(Host host) : host_(host) {}
  HttpBinding(const HttpBinding&) = delete;
  HttpBinding& operator=(const HttpBinding&) = delete;

  void init(const Config& config);
  void start(Deadline deadline);
  void invoke(const Request& request, Call&& call);
  void cancel(std::uint64_t call_id);
  void stop(Deadline deadline);

 private:
  /// What a call asks for beside its request.
  struct Wanted {
    bool error_if_not_2xx = true;
    bool is_idempotent = false;
  };

  void answered(Call&& call, Wanted wanted, common::HttpResponse* response,
                const common::TransferFailure* failure);
  void fail(Call&& call, Wanted wanted, const common::TransferFailure& failure);

  Host host_;
  HttpConfig config_;
  std::optional<common::FadingHealth> health_;  ///< of the loop's thread, which ends before it
  std::optional<common::CurlLoop> curl_;
};

}  // namespace cleat::http
