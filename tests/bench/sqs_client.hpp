#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "args.hpp"
#include "aws_signature.hpp"
#include "curl_multi.hpp"

namespace cleat::bench {

/// SQS over libcurl, each request signed by OpenSSL with a key that is derived once a day. Ends the program where an answer is no 200.
class SqsClient {
 public:
  using Done = std::function<void(std::string& answer)>;
  static constexpr std::size_t kMostInBatch = 10;

  /// --server is the port of the service, --queue the URL of a queue.
  SqsClient(boost::asio::io_context& io, const Args& args);
  /// `members` of the request behind QueueUrl: `,"Entries":[...]`.
  void ask(const char* action, const std::string& members, Done done);

 private:
  struct Request {
    CURL* handle = nullptr;
    curl_slist* headers = nullptr;
    std::string body{}, answer{};
    Done done{};
  };

  curl_slist* signed_headers(const char* action, const std::string& body);
  void finished(CURL* handle);

  std::string host_, url_, queue_;
  AwsSignature signature_;
  std::deque<Request> requests_{};
  std::vector<Request*> free_{};
  CurlMulti multi_;
};

/// Appends `text` as a JSON string. What the bench sends has quotes, and nothing else that needs care.
void append_string(std::string& out, std::string_view text);

/// The next value of "name" in `json` from `at` on, which goes behind it; nothing if there is none.
std::string next_string(const std::string& json, std::string_view name, std::size_t& at);

}  // namespace cleat::bench
