#pragma once

#include <curl/curl.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "common/curl/loop.hpp"

namespace cleat::common {

/// A multi handle of libcurl with the connections that it keeps, driven by an event loop. Only on that loop's thread.
class CurlLoop::Pool {
 public:
  using Done = std::function<void(Transfer*, int code)>;

  Pool(EventLoop& loop, long max_connections, Done done);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  /// Not below a call of `done`.
  ~Pool();

  void add(CURL* easy);
  void remove(CURL* easy);
  /// Has libcurl look at a connection now, and at what is due.
  void look_at(int descriptor);
  [[nodiscard]] bool is_unused() const { return count_ == 0; }

 private:
  void act(int descriptor, int events);
  void watch(int descriptor, int what);
  void arm(long wait_ms);

  EventLoop& loop_;
  const Done done_;
  CURLM* multi_;
  std::size_t count_ = 0;
  std::unordered_map<int, std::uint32_t> watched_;
  EventLoop::TimerId timer_ = 0;
};

}  // namespace cleat::common
