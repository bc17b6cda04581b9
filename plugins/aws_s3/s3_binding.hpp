#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "bucket.hpp"
#include "common/curl/far_end.hpp"
#include "common/curl/loop.hpp"
#include "common/file_work.hpp"
#include "common/told_health.hpp"
#include "s3_config.hpp"
#include "upload.hpp"
#include "work.hpp"

namespace cleat::s3 {

/// bindings.aws.s3: one thread that owns the connections; files are read and written in the host's pool.
class S3Binding {
 public:
  explicit S3Binding(Host host) : host_(host) {}
  S3Binding(const S3Binding&) = delete;
  S3Binding& operator=(const S3Binding&) = delete;
  /// The thread ends before what it works with.
  ~S3Binding() {
    if (curl_) curl_->stop();
  }

  void init(const Config& config);
  void start(Deadline deadline);
  void ping(Deadline deadline);
  void invoke(const Request& request, Call&& call);
  void cancel(std::uint64_t call_id);
  void stop(Deadline deadline);

 private:
  using Begin = std::function<void(const WorkPtr& work)>;

  /// Makes work of the call and begins it on the loop. What is thrown before leaves the call to the caller.
  void run(const Request& request, Call&& call, Begin begin);
  void create(const Request& request, Call&& call);
  void created(const WorkPtr& work, const std::string& key, std::optional<std::chrono::seconds> presign,
               const Stored& stored);
  void get(const Request& request, Call&& call);
  void remove(const Request& request, Call&& call);
  void list(const Request& request, Call&& call);
  void presign(const Request& request, Call&& call);
  void bulk(const Request& request, Call&& call);
  void watch(const WorkPtr& work, std::function<void(const aws::Failure&)> give_up_now);
  void give_up(const WorkPtr& work, const aws::Failure& failure);
  void complete(const WorkPtr& work, Response response);
  void fail(const WorkPtr& work, const aws::Failure& failure, const char* before = "");
  void end(const WorkPtr& work);
  void look_whether_drained();

  Host host_;
  S3Config config_;
  common::ToldHealth health_{host_};
  std::optional<common::CurlLoop> curl_;
  std::optional<common::FileWork> files_;
  std::optional<common::FarEnd> far_end_;
  std::optional<Bucket> bucket_;
  std::unordered_map<std::uint64_t, WorkPtr> running_;  ///< by call; of the loop's thread
  std::function<void()> drained_;                       ///< stop() waits for it
};

}  // namespace cleat::s3
