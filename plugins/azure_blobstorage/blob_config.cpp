#include "blob_config.hpp"

#include "common/text.hpp"
#include "common/tls.hpp"

namespace cleat::blobstorage {

BlobConfig parse_config(const Config& config) {
  BlobConfig out;
  out.account = azure::account_of(config, azure::Service::blob);
  out.container = config.text("containerName");
  if (out.container.empty()) throw Error(CLEAT_INVALID, "missing or empty containerName field from metadata");
  out.ca = config.text("caCert");
  common::check_pem({out.ca, {}, {}}, false);
  out.public_access = common::lower(config.text("publicAccessLevel"));
  if (out.public_access == "none") out.public_access.clear();
  if (!out.public_access.empty() && out.public_access != "blob" && out.public_access != "container") {
    throw Error(CLEAT_INVALID, "invalid public access level: " + out.public_access +
                                   ": publicAccessLevel: expected none, blob or container");
  }
  out.make_container = !config.boolean("disableEntityManagement");
  out.decode_base64 = config.boolean("decodeBase64");
  out.files = common::file_place(config, "");
  out.max_blob_bytes = config.size("maxBlobSize");
  constexpr std::uint64_t kLeast = 64U << 10U, kMost = 100U << 20U;
  out.block_bytes = config.size("blockSize", 8U << 20U);
  if (out.block_bytes < kLeast || out.block_bytes > kMost) {
    throw Error(CLEAT_INVALID,
                "blockSize: expected 64Ki to 100Mi, found " + std::to_string(out.block_bytes) + " bytes");
  }
  out.strict_dapr = config.fact("strict-dapr") == "true";
  return out;
}

}  // namespace cleat::blobstorage
