#pragma once

#include <string>
#include <string_view>

#include "args.hpp"
#include "aws_signature.hpp"
#include "curl_posts.hpp"

namespace cleat::bench {

/// SQS over libcurl, each request signed by OpenSSL with a key that is derived once a day. Ends the program where an answer is no 200.
class SqsClient {
 public:
  using Done = CurlPosts::Done;
  static constexpr std::size_t kMostInBatch = 10;

  /// --server is the port of the service, --queue the URL of a queue.
  SqsClient(boost::asio::io_context& io, const Args& args);
  /// `members` of the request behind QueueUrl: `,"Entries":[...]`.
  void ask(const char* action, const std::string& members, Done done);

 private:
  curl_slist* signed_headers(const char* action, const std::string& body);

  std::string host_, url_, queue_;
  AwsSignature signature_;
  CurlPosts posts_;
};

/// Appends `text` as a JSON string. What the bench sends has quotes, and nothing else that needs care.
void append_string(std::string& out, std::string_view text);

}  // namespace cleat::bench
