#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/back_off.hpp"
#include "object_request.hpp"
#include "storage.hpp"

namespace cleat::bucket {

/// One create: an object in one request, or in chunks of which the last one makes an object. Lives until its call is
/// completed; on the loop's thread, but for the constructor.
class Upload : public std::enable_shared_from_this<Upload> {
 public:
  /// Throws Error for what cannot be an object; the call is the caller's still. `storage` outlives it.
  Upload(Storage& storage, const Request& request);
  void begin(Call&& call);

 private:
  void send_whole();
  void open_session();
  void send_chunk();
  void ask_how_far();
  void go_on(const common::HttpResponse& answer, bool was_chunk);
  void broke_off(const google::Failure& failure);
  void fail(const google::Failure& failure, const char* when);
  void complete(const common::HttpResponse& answer);
  [[nodiscard]] google::ServiceRequest base() const;

  Storage& storage_;
  const google::ServiceRequest base_;
  NewObject object_;
  std::string session_;     ///< where the chunks go
  std::uint64_t sent_ = 0;  ///< bytes that the service has
  int failures_ = 0;        ///< since it had more of them
  common::BackOff back_off_{std::chrono::milliseconds(200), std::chrono::seconds(5)};
  Call call_;
};

}  // namespace cleat::bucket
