#pragma once

#include <cleat/plugin.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "common/curl_loop.hpp"
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
  void answered(Call&& call, bool error_if_not_2xx, common::HttpResponse* response,
                const common::TransferFailure* failure);

  Host host_;
  HttpConfig config_;
  std::optional<common::CurlLoop> curl_;
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::uint64_t> transfers_;  ///< of calls that are out, for cancel()
};

}  // namespace cleat::http
