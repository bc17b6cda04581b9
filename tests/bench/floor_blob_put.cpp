// Floor of a blob of Azure Storage: each body is PUT under one name, with a signature (SharedKey).
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "args.hpp"
#include "azure_signature.hpp"
#include "curl_caller.hpp"

namespace cleat::bench {
namespace {

constexpr const char* kType = "application/octet-stream";

/// One blob.
class Put {
 public:
  /// --path: container and blob, "/bench/object".
  explicit Put(const Args& args) : azure_(args), path_(args.text("path")) {}

  [[nodiscard]] std::string url() const { return azure_.url(path_); }

  /// The handle has the headers until the next time.
  void prepare(CURL* handle, std::string_view body) {
    curl_slist* const headers =
        azure_.headers({"PUT", path_, body.size(), kType, {}, "x-ms-blob-type:BlockBlob\n"});
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_slist_free_all(std::exchange(kept_[handle], headers));
  }

 private:
  AzureSignature azure_;
  std::string path_;
  std::unordered_map<CURL*, curl_slist*> kept_{};  ///< the headers of each handle
};

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::Put put(cleat::bench::Args(argc, argv));
  cleat::bench::CurlCaller(put.url(), [&put](CURL* handle, std::string_view body) {
    put.prepare(handle, body);
  }).run();
}
