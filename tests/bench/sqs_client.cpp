#include "sqs_client.hpp"

#include <utility>

namespace cleat::bench {

SqsClient::SqsClient(boost::asio::io_context& io, const Args& args)
    : host_("127.0.0.1:" + args.text("server")),
      url_("http://" + host_ + "/"),
      queue_(args.text("queue")),
      signature_("sqs", "any-key", "any-secret"),
      posts_(io) {}

curl_slist* SqsClient::signed_headers(const char* action, const std::string& body) {
  constexpr const char* kNames = "content-type;host;x-amz-date;x-amz-target";
  const std::string &time = signature_.note_time(), target = std::string("AmazonSQS.") + action;
  const std::string canonical = "POST\n/\n\ncontent-type:application/x-amz-json-1.0\nhost:" + host_ +
                                "\nx-amz-date:" + time + "\nx-amz-target:" + target + "\n\n" + kNames + "\n" +
                                hash_of(body);
  curl_slist* list = nullptr;
  for (const std::string& line : {std::string("Content-Type: application/x-amz-json-1.0"),
                                  std::string("Expect:"), "X-Amz-Date: " + time, "X-Amz-Target: " + target,
                                  "Authorization: " + signature_.of(canonical, kNames)})
    list = curl_slist_append(list, line.c_str());
  return list;
}

void SqsClient::ask(const char* action, const std::string& members, Done done) {
  std::string body = R"({"QueueUrl":")" + queue_ + "\"" + members + "}";
  curl_slist* const headers = signed_headers(action, body);
  posts_.send(url_, headers, std::move(body), std::move(done));
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') out += '\\';
    out += byte;
  }
  out += '"';
}

}  // namespace cleat::bench
