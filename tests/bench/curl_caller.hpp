#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "beast_server.hpp"
#include "curl_multi.hpp"

namespace cleat::bench {

/// The bare Beast server in front of libcurl's multi interface: what comes is sent on with a handle that is kept, and what the
/// far end answers is the answer. An error of the far end ends the program. One thread.
class CurlCaller {
 public:
  /// Sets what is other than a POST, and the headers, before each transfer. The body stays until its end.
  using Prepare = std::function<void(CURL* handle, std::string_view body)>;

  CurlCaller(std::string url, Prepare prepare);
  void run() { io_.run(); }

 private:
  struct Transfer {
    CURL* handle = nullptr;
    SessionPtr session{};
    std::string answer{};
  };

  Transfer& make_transfer();
  void begin(SessionPtr session);
  void finish(Transfer& transfer);

  boost::asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  std::string url_;
  Prepare prepare_;
  std::deque<Transfer> transfers_{};
  std::vector<Transfer*> free_{};
  CurlMulti curl_;
};

}  // namespace cleat::bench
