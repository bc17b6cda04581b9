// Floor of a message to SNS: each body is the message of a form that is signed (AWS Signature Version 4) and POSTed.
#include <memory>
#include <string>
#include <string_view>

#include "aws_signature.hpp"
#include "curl_caller.hpp"

namespace cleat::bench {
namespace {

/// One topic and one pair of keys.
class Signer {
 public:
  explicit Signer(const Args& args)
      : host_("127.0.0.1:" + args.text("port")),
        topic_(args.text("topic")),
        signature_("sns", args.text("key-id"), args.text("secret")) {}

  [[nodiscard]] std::string url() const { return "http://" + host_ + "/"; }

  curl_slist* prepare(CURL* handle, std::string_view message, std::string& form) {
    constexpr const char *kNames = "content-type;host;x-amz-date",
                         *kType = "application/x-www-form-urlencoded";
    form = "Action=Publish&Message=" + escaped(handle, message) + "&TopicArn=" + escaped(handle, topic_) +
           "&Version=2010-03-31";
    const std::string& time = signature_.note_time();
    const std::string canonical = std::string("POST\n/\n\ncontent-type:") + kType + "\nhost:" + host_ +
                                  "\nx-amz-date:" + time + "\n\n" + kNames + "\n" + hash_of(form);
    curl_slist* headers = nullptr;
    for (const std::string& line :
         {std::string("Content-Type: ") + kType, std::string("Expect:"), "X-Amz-Date: " + time,
          "Authorization: " + signature_.of(canonical, kNames)})
      headers = curl_slist_append(headers, line.c_str());
    return headers;
  }

 private:
  static std::string escaped(CURL* handle, std::string_view text) {
    const std::unique_ptr<char, decltype(&curl_free)> found(
        curl_easy_escape(handle, text.data(), static_cast<int>(text.size())), &curl_free);
    check_curl(found != nullptr, "no memory");
    return found.get();
  }

  std::string host_, topic_;
  AwsSignature signature_;
};

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::run_signed<cleat::bench::Signer>(argc, argv);
}
