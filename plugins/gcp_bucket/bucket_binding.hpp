#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <functional>
#include <optional>

#include "bucket_config.hpp"
#include "common/curl/loop.hpp"
#include "storage.hpp"

namespace cleat::bucket {

/// bindings.gcp.bucket: one thread that owns the connections.
class BucketBinding {
 public:
  explicit BucketBinding(Host host) : host_(host) {}
  BucketBinding(const BucketBinding&) = delete;
  BucketBinding& operator=(const BucketBinding&) = delete;
  /// The thread ends before what it uses.
  ~BucketBinding() {
    if (curl_) curl_->stop();
  }

  void init(const Config& config);
  void start(Deadline deadline);
  void ping(Deadline deadline);
  void invoke(const Request& request, Call&& call);
  void cancel(std::uint64_t call_id);
  void stop(Deadline deadline);

 private:
  void get(const Request& request, Call&& call);
  void remove(const Request& request, Call&& call);
  void list(const Request& request, Call&& call);
  void sign(const Request& request, Call&& call);
  /// Begins what was made of the request on the loop.
  template <class Operation>
  void run(const Request& request, Call&& call);
  void post(Call&& call, std::function<void(Call&&)> task);

  Host host_;
  BucketConfig config_;
  std::optional<common::CurlLoop> curl_;
  std::optional<Storage> storage_;
};

}  // namespace cleat::bucket
