// Floor of an object of S3: each body is PUT under one key, with its hash and a signature (AWS Signature Version 4).
#include <string>
#include <string_view>

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

  curl_slist* prepare(CURL* handle, std::string_view body, std::string& /*other*/) {
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
    return headers;
  }

 private:
  std::string host_, path_;
  AwsSignature signature_;
};

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::run_signed<cleat::bench::Signer>(argc, argv);
}
