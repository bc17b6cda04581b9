#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "bucket_config.hpp"
#include "common/curl/far_end.hpp"
#include "common/google/client.hpp"
#include "common/google/signer.hpp"
#include "common/told_health.hpp"

namespace cleat::bucket {

/// What the operations share: requests in the component's name, and what they tell of the far end. All but the constructor
/// on the loop's thread.
class Storage {
 public:
  using Done = google::Client::Done;

  /// `curl` and `config` outlive it.
  Storage(Host host, common::CurlLoop& curl, const BucketConfig& config);

  /// Asks for the bucket, again and again while something is wrong with it.
  void open() { far_end_.look(); }
  void ask(google::ServiceRequest request, Done done);
  /// Calls `task` after `wait`, or at close() with `is_stopped`.
  void later(std::chrono::milliseconds wait, std::function<void(bool is_stopped)> task);
  /// Whether the bucket's objects can be asked for; who may not list them is answered all the same.
  void look(std::uint64_t deadline_ns, common::FarEnd::Answer done);
  /// Who waits is told that the component stops.
  void close();
  /// Ends what was sent with this tag.
  void cancel(std::uint64_t tag) { curl_.cancel(tag); }

  google::Signer& signer() { return signer_; }
  [[nodiscard]] const BucketConfig& config() const { return config_; }

 private:
  common::CurlLoop& curl_;
  const BucketConfig& config_;
  google::Client client_;
  google::Signer signer_;
  bool is_closed_ = false;
  common::ToldHealth health_;
  common::FarEnd far_end_;
  std::uint64_t last_id_ = 0;
  struct Later {
    common::EventLoop::TimerId timer = 0;
    std::function<void(bool)> task;
  };
  std::map<std::uint64_t, Later> later_;
};

/// Whether a success is Cloud Storage's, or an emulator's of it: a page of a proxy in between, for one, is none.
bool has_read(const common::HttpResponse& answer);     ///< to storage.objects.get with alt=media
bool has_deleted(const common::HttpResponse& answer);  ///< to storage.objects.delete
/// What is said of a success that is not.
google::Failure unexpected(const char* what);

}  // namespace cleat::bucket
