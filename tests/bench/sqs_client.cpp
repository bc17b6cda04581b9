#include "sqs_client.hpp"

#include <utility>

namespace cleat::bench {

SqsClient::SqsClient(boost::asio::io_context& io, const Args& args)
    : host_("127.0.0.1:" + args.text("server")),
      url_("http://" + host_ + "/"),
      queue_(args.text("queue")),
      signature_("sqs", "any-key", "any-secret"),
      multi_(io, [this](CURL* handle) { finished(handle); }) {}

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
  if (free_.empty()) {
    Request& made = requests_.emplace_back();
    made.handle = new_handle(url_, made.answer);
    curl_easy_setopt(made.handle, CURLOPT_PRIVATE, &made);
    free_.push_back(&made);
  }
  Request& request = *free_.back();
  free_.pop_back();
  request.body.assign(R"({"QueueUrl":")").append(queue_).append("\"").append(members).append("}");
  request.answer.clear();
  request.done = std::move(done);
  request.headers = signed_headers(action, request.body);
  curl_easy_setopt(request.handle, CURLOPT_HTTPHEADER, request.headers);
  curl_easy_setopt(request.handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
  curl_easy_setopt(request.handle, CURLOPT_POSTFIELDS, request.body.data());
  multi_.begin(request.handle);
}

void SqsClient::finished(CURL* handle) {
  Request* request = nullptr;
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_PRIVATE, &request);
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  curl_slist_free_all(std::exchange(request->headers, nullptr));
  check_curl(status == 200, request->answer.c_str());
  std::exchange(request->done, nullptr)(request->answer);
  free_.push_back(request);
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') out += '\\';
    out += byte;
  }
  out += '"';
}

std::string next_string(const std::string& json, std::string_view name, std::size_t& at) {
  std::string out;
  const std::size_t key = json.find(std::string("\"").append(name).append("\":\""), at);
  if (key == std::string::npos) return out;
  for (at = key + name.size() + 4; at < json.size() && json[at] != '"'; ++at) {
    if (json[at] == '\\') ++at;
    out += json[at];
  }
  return out;
}

}  // namespace cleat::bench
