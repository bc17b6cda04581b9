#pragma once

#include <curl/curl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>
#include <unordered_map>

#include "library_socket.hpp"

namespace cleat::bench {

/// libcurl's multi interface on an io_context. What fails ends the program.
class CurlMulti {
 public:
  using Done = std::function<void(CURL* handle)>;  ///< its transfer has ended, and it is the caller's again

  CurlMulti(boost::asio::io_context& io, Done done);
  void begin(CURL* handle);

 private:
  void act(curl_socket_t socket, int events);
  void watch(curl_socket_t socket, int what);
  void forget(curl_socket_t socket);
  void wait(long milliseconds);

  boost::asio::io_context& io_;
  Done done_;
  CURLM* multi_;
  std::unordered_map<curl_socket_t, LibrarySocket> sockets_{};
  boost::asio::steady_timer timer_{io_};
  Later begun_{io_, [this] { act(CURL_SOCKET_TIMEOUT, 0); }};
};

/// Ends the program unless it is well.
void check_curl(bool is_well, const char* what);

/// A handle that appends what is answered to `answer`.
CURL* new_handle(const std::string& url, std::string& answer);

}  // namespace cleat::bench
