// Floor of a blob of Azure Storage: each body is PUT under one name, with a signature (SharedKey).
#include <string>
#include <string_view>

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

  curl_slist* prepare(CURL* handle, std::string_view body, std::string& /*other*/) {
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, "PUT");
    return azure_.headers({"PUT", path_, body.size(), kType, {}, "x-ms-blob-type:BlockBlob\n"});
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
