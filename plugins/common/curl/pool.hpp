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
  /// libcurl is then through with it; what it was connected to is closed unless it may be used again.
  void remove(CURL* easy);
  /// Has the sockets of what is prepared here known to cut(). Before add().
  void keep_sockets(CURL* easy);
  /// Ends the connections of a transfer with kept sockets, so that neither side hears of the other any more.
  void cut(CURL* easy);
  [[nodiscard]] bool is_unused() const { return count_ == 0; }

 private:
  static int on_socket(void* easy, curl_socket_t descriptor, curlsocktype purpose);
  static int on_close(void* self, curl_socket_t descriptor);
  void act(int descriptor, int events);
  void watch(int descriptor, int what);
  void arm(long wait_ms);

  EventLoop& loop_;
  const Done done_;
  CURLM* multi_;
  std::size_t count_ = 0;
  std::unordered_map<int, std::uint32_t> watched_;
  EventLoop::TimerId timer_ = 0;
  std::unordered_map<int, CURL*> sockets_;  ///< that are kept for cut()
};

}  // namespace cleat::common
