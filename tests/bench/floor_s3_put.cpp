// Floor of an object of S3: each body is PUT under one key, with its hash and a signature (AWS Signature Version 4).
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "args.hpp"
#include "aws_signature.hpp"
#include "curl_caller.hpp"

namespace cleat::bench {
namespace {

/// One object and one pair of keys.
class Signer {
 public:
  explicit Signer(const Args& args)
      : host_("127.0.0.1:" + args.text("port")),
        path_(args.text("path")),
        signature_("s3", args.text("key-id"), args.text("secret")) {}

  [[nodiscard]] std::string url() const { return "http://" + host_ + path_; }

  /// The handle has the headers until the next time.
  void prepare(CURL* handle, std::string_view body) {
    constexpr const char* kNames = "content-type;host;x-amz-content-sha256;x-amz-date";
    const std::string hash = hash_of(body), &time = signature_.note_time();
    const std::string request = "PUT\n" + path_ + "\n\ncontent-type:binary/octet-stream\nhost:" + host_ +
                                "\nx-amz-content-sha256:" + hash + "\nx-amz-date:" + time + "\n\n" + kNames +
                                "\n" + hash;
    curl_slist* headers = nullptr;
    for (const std::string& line :
         {std::string("Content-Type: binary/octet-stream"), std::string("Expect:"), "x-amz-date: " + time,
          "x-amz-content-sha256: " + hash, "Authorization: " + signature_.of(request, kNames)})
      headers = curl_slist_append(headers, line.c_str());
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_slist_free_all(std::exchange(kept_[handle], headers));
  }

 private:
  std::string host_, path_;
  AwsSignature signature_;
  std::unordered_map<CURL*, curl_slist*> kept_{};  ///< the headers of each handle
};

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::Signer signer(cleat::bench::Args(argc, argv));
  cleat::bench::CurlCaller(signer.url(), [&signer](CURL* handle, std::string_view body) {
    signer.prepare(handle, body);
  }).run();
}
