#include "sqs_client.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace cleat::bench {
namespace {

constexpr const char* kRegion = "us-east-1";
using Hash = std::array<unsigned char, 32>;

Hash hmac(const unsigned char* key, std::size_t size, std::string_view text) {
  Hash out{};
  HMAC(EVP_sha256(), key, static_cast<int>(size), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), out.data(), nullptr);
  return out;
}

std::string hex(const Hash& bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : bytes)
    out.append({kDigits[byte >> 4U], kDigits[byte & 15U]});
  return out;
}

std::string hash_of(const std::string& text) {
  Hash out{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data());
  return hex(out);
}

}  // namespace

SqsClient::SqsClient(boost::asio::io_context& io, const Args& args)
    : host_("127.0.0.1:" + args.text("server")),
      url_("http://" + host_ + "/"),
      queue_(args.text("queue")),
      multi_(io, [this](CURL* handle) { finished(handle); }) {}

/// AWS Signature Version 4.
curl_slist* SqsClient::signed_headers(const char* action, const std::string& body) {
  std::array<char, 32> time{};
  const std::time_t now = std::time(nullptr);
  std::strftime(time.data(), time.size(), "%Y%m%dT%H%M%SZ", std::gmtime(&now));
  const std::string date(time.data(), 8), target = std::string("AmazonSQS.") + action;
  if (date != day_) {
    day_ = date;
    constexpr std::string_view kSecret = "AWS4any-secret";
    key_ = hmac(reinterpret_cast<const unsigned char*>(kSecret.data()), kSecret.size(), date);
    for (const char* part : {kRegion, "sqs", "aws4_request"})
      key_ = hmac(key_.data(), key_.size(), part);
  }
  constexpr const char* kNames = "content-type;host;x-amz-date;x-amz-target";
  const std::string scope = date + "/" + kRegion + "/sqs/aws4_request";
  const std::string canonical = "POST\n/\n\ncontent-type:application/x-amz-json-1.0\nhost:" + host_ +
                                "\nx-amz-date:" + time.data() + "\nx-amz-target:" + target + "\n\n" + kNames +
                                "\n" + hash_of(body);
  const std::string signature =
      hex(hmac(key_.data(), key_.size(),
               std::string("AWS4-HMAC-SHA256\n") + time.data() + "\n" + scope + "\n" + hash_of(canonical)));
  curl_slist* list = nullptr;
  for (const std::string& line :
       {std::string("Content-Type: application/x-amz-json-1.0"), std::string("Expect:"),
        std::string("X-Amz-Date: ") + time.data(), std::string("X-Amz-Target: ") + target,
        "Authorization: AWS4-HMAC-SHA256 Credential=any-key/" + scope + ", SignedHeaders=" + kNames +
            ", Signature=" + signature})
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
