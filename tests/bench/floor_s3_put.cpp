// Floor of an object of S3: each body is PUT under one key, with its hash and a signature (AWS Signature Version 4).
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <array>
#include <ctime>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "args.hpp"
#include "curl_caller.hpp"

namespace cleat::bench {
namespace {

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string hex(const Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : digest)
    out += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  return out;
}

Digest sha256(std::string_view text) {
  Digest out{};
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data());
  return out;
}

Digest hmac(std::string_view key, std::string_view text) {
  Digest out{};
  unsigned length = 0;
  ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), &length);
  return out;
}

/// One object and one pair of keys.
class Signer {
 public:
  explicit Signer(const Args& args)
      : host_("127.0.0.1:" + args.text("port")),
        path_(args.text("path")),
        key_id_(args.text("key-id")),
        secret_(args.text("secret")) {}

  [[nodiscard]] std::string url() const { return "http://" + host_ + path_; }

  /// The handle has the headers until the next time.
  void prepare(CURL* handle, std::string_view body) {
    note_time();
    const std::string hash = hex(sha256(body));
    const std::string request = "PUT\n" + path_ + "\n\ncontent-type:binary/octet-stream\nhost:" + host_ +
                                "\nx-amz-content-sha256:" + hash + "\nx-amz-date:" + time_ +
                                "\n\ncontent-type;host;x-amz-content-sha256;x-amz-date\n" + hash;
    const std::string text = "AWS4-HMAC-SHA256\n" + time_ + "\n" + scope_ + "\n" + hex(sha256(request));
    curl_slist* headers = nullptr;
    for (const std::string& line :
         {std::string("Content-Type: binary/octet-stream"), std::string("Expect:"), "x-amz-date: " + time_,
          "x-amz-content-sha256: " + hash,
          "Authorization: AWS4-HMAC-SHA256 Credential=" + key_id_ + "/" + scope_ +
              ", SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature=" +
              hex(hmac(bytes_of(key_), text))})
      headers = curl_slist_append(headers, line.c_str());
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_slist_free_all(std::exchange(kept_[handle], headers));
  }

 private:
  /// The key is that of a day.
  void note_time() {
    const std::time_t now = std::time(nullptr);
    if (now == at_) return;
    at_ = now;
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 32> text{};
    time_.assign(text.data(), std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts));
    const std::string scope = time_.substr(0, 8) + "/us-east-1/s3/aws4_request";
    if (scope == scope_) return;
    scope_ = scope;
    const Digest date = hmac("AWS4" + secret_, time_.substr(0, 8)),
                 region = hmac(bytes_of(date), "us-east-1");
    key_ = hmac(bytes_of(hmac(bytes_of(region), "s3")), "aws4_request");
  }

  std::string host_, path_, key_id_, secret_;
  std::time_t at_ = 0;
  std::string time_, scope_;
  Digest key_{};
  std::unordered_map<CURL*, curl_slist*> kept_;  ///< the headers of each handle
};

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::Signer signer(cleat::bench::Args(argc, argv));
  cleat::bench::CurlCaller(signer.url(), [&signer](CURL* handle, std::string_view body) {
    signer.prepare(handle, body);
  }).run();
}
