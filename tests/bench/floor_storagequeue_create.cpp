// Floor of a message of an Azure Storage queue: each body is POSTed as XML, with a signature (SharedKey).
#include <string>
#include <string_view>

#include "azure_signature.hpp"
#include "curl_caller.hpp"

namespace cleat::bench {
namespace {

/// What the bench sends has quotes, which may stay, and none of XML's own characters.
constexpr std::string_view kBegin = "<QueueMessage><MessageText>", kEnd = "</MessageText></QueueMessage>";

/// One queue.
class Put {
 public:
  explicit Put(const Args& args) : azure_(args), path_("/" + args.text("queue") + "/messages") {}

  [[nodiscard]] std::string url() const { return azure_.url(path_); }

  curl_slist* prepare(CURL* /*handle*/, std::string_view text, std::string& body) {
    body.append(kBegin).append(text).append(kEnd);
    return azure_.headers({"POST", path_, body.size(), "application/xml", {}, {}});
  }

 private:
  AzureSignature azure_;
  std::string path_;
};

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::run_signed<cleat::bench::Put>(argc, argv);
}
