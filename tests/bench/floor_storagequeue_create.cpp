// Floor of a message of an Azure Storage queue: each body is POSTed as XML, with a signature (SharedKey).
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "args.hpp"
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

  /// The handle has headers and text until the next time.
  void prepare(CURL* handle, std::string_view body) {
    Kept& kept = kept_[handle];
    kept.text.assign(kBegin).append(body).append(kEnd);
    curl_slist* const headers = azure_.headers({"POST", path_, kept.text.size(), "application/xml", {}, {}});
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(kept.text.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, kept.text.data());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_slist_free_all(std::exchange(kept.headers, headers));
  }

 private:
  struct Kept {
    std::string text{};
    curl_slist* headers = nullptr;
  };

  AzureSignature azure_;
  std::string path_;
  std::unordered_map<CURL*, Kept> kept_{};
};

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::Put put(cleat::bench::Args(argc, argv));
  cleat::bench::CurlCaller(put.url(), [&put](CURL* handle, std::string_view body) {
    put.prepare(handle, body);
  }).run();
}
