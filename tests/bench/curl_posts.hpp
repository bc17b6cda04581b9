#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "curl_multi.hpp"

namespace cleat::bench {

/// POSTs of libcurl with handles that are kept. Ends the program where an answer is no 200.
class CurlPosts {
 public:
  using Done = std::function<void(std::string& answer)>;

  explicit CurlPosts(boost::asio::io_context& io) : multi_(io, [this](CURL* handle) { finished(handle); }) {}
  /// `headers` are freed afterwards.
  void send(const std::string& url, curl_slist* headers, std::string body, Done done);

 private:
  struct Request {
    CURL* handle = nullptr;
    curl_slist* headers = nullptr;
    std::string body{}, answer{};
    Done done{};
  };

  void finished(CURL* handle);

  std::deque<Request> requests_{};
  std::vector<Request*> free_{};
  CurlMulti multi_;
};

/// The next value of "name" in `json` from `at` on, which goes behind it; nothing if there is none.
std::string next_string(const std::string& json, std::string_view name, std::size_t& at);

}  // namespace cleat::bench
