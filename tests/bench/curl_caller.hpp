#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "args.hpp"
#include "beast_server.hpp"
#include "curl_multi.hpp"

namespace cleat::bench {

/// The bare Beast server in front of libcurl's multi interface: what comes is sent on with a handle that is kept, and what the
/// far end answers is the answer. An error of the far end ends the program. One thread.
class CurlCaller {
 public:
  /// Before each transfer: sets what is other than in a POST. What came is sent, or what is written into `body`, with the
  /// headers that are returned, and freed afterwards; nullptr: with those that the handle has.
  using Prepare = std::function<curl_slist*(CURL* handle, std::string_view came, std::string& body)>;

  CurlCaller(std::string url, Prepare prepare);
  void run() { io_.run(); }

 private:
  struct Transfer {
    CURL* handle = nullptr;
    SessionPtr session{};
    curl_slist* headers = nullptr;
    std::string body{}, answer{};
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

/// The program of a floor that signs what it sends: `Signer` is made of the arguments, has url(), and prepares each transfer.
template <class Signer>
void run_signed(int argc, char** argv) {
  Signer signer(Args(argc, argv));
  CurlCaller(signer.url(), [&signer](CURL* handle, std::string_view came, std::string& body) {
    return signer.prepare(handle, came, body);
  }).run();
}

}  // namespace cleat::bench
