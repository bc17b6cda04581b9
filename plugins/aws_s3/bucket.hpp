#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/aws/client.hpp"
#include "common/curl/loop.hpp"
#include "s3_config.hpp"
#include "work.hpp"

namespace cleat::s3 {

using WorkPtr = std::shared_ptr<Work>;
using Query = std::vector<std::pair<std::string, std::string>>;

/// Requests to one bucket, for calls. On the loop's thread.
class Bucket {
 public:
  /// Exactly one of the two is given.
  using Done = std::function<void(common::HttpResponse* answer, const aws::Failure* failure)>;
  /// What each request says of the bucket's health; nullptr: it was carried out.
  using Note = std::function<void(const aws::Failure* failure)>;

  /// The loop and the configuration outlive it. `cleared` is called when is_clear() is true again. Throws Error if the
  /// credentials cannot be set up.
  Bucket(Host host, common::CurlLoop& curl, const S3Config& config, Note note, std::function<void()> cleared);

  [[nodiscard]] const S3Config& config() const { return config_; }
  common::EventLoop& loop() { return curl_.loop(); }

  /// Of an object, or, without a key, of the bucket. Once more does no harm to any of them.
  [[nodiscard]] aws::ServiceRequest request(const char* what, const char* method, std::string_view key,
                                            const Query& query = {}) const;
  /// `done` is called once, by the deadline of the call, or at once if that is cancelled. The tag is for cancel(); 0: none.
  std::uint64_t send(const WorkPtr& work, aws::ServiceRequest request, Done done);
  /// Has the parts of an upload taken away, for no call. What cannot be is logged.
  void abort(std::string_view key, const std::string& upload_id);
  /// Whether abort() has nothing out.
  [[nodiscard]] bool is_clear() const { return aborts_ == 0; }
  /// Whether the bucket answers; nullptr: it does.
  void look(std::uint64_t deadline_ns, std::function<void(const common::ServiceFailure*)> done);
  void cancel(std::uint64_t tag) { client_.cancel(tag); }
  /// As send(), for the URL that is good for reading the object.
  void presign(const WorkPtr& work, std::string_view key, std::chrono::seconds how_long,
               std::function<void(const std::string* url, const aws::Failure* failure)> done);
  /// What has not gone out yet is told that the component stops.
  void close() { client_.close(); }

 private:
  void answered(common::HttpResponse* answer, const aws::Failure* failure, const Done& done);
  [[nodiscard]] aws::Failure explained(const aws::Failure& failure, const common::HttpResponse& answer) const;

  const Host host_;
  common::CurlLoop& curl_;
  const S3Config& config_;
  const Note note_;
  const std::function<void()> cleared_;
  aws::Client client_;
  std::uint64_t last_tag_ = 0;
  std::size_t aborts_ = 0;
};

/// What a call that nobody waits for any more is told.
aws::Failure cancelled(const char* what);

/// Whether S3, or what speaks as it does, has made a success: a page of a proxy in between, for one, is none.
bool is_of_s3(const common::HttpResponse& answer);
/// What is said of a success that is not.
aws::Failure unexpected(const char* what);

/// With Dapr's words for an object that is not there, and the field for one that is too large.
aws::Failure in_words_of_get(aws::Failure failure);

/// What is wrong before anything was sent.
aws::Failure failure_of(const Error& error);

}  // namespace cleat::s3
