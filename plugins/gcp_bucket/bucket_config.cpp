#include "bucket_config.hpp"

#include "common/tls.hpp"

namespace cleat::bucket {

BucketConfig parse_config(const Config& config) {
  BucketConfig out;
  out.bucket = config.text("bucket");
  if (out.bucket.empty()) throw Error(CLEAT_INVALID, "missing property `bucket` in metadata");
  if (config.text("projectID").empty())
    throw Error(CLEAT_INVALID, "missing property `project_id` in metadata");
  out.place = google::place_of(config, "STORAGE_EMULATOR_HOST", "https://storage.googleapis.com");
  out.ca = config.text("caCert");
  common::check_pem({out.ca, {}, {}}, false);
  out.decode_base64 = config.boolean("decodeBase64");
  out.encode_base64 = config.boolean("encodeBase64");
  out.content_type = config.text("contentType");
  out.sign_ttl = config.text("signTTL");
  out.max_object_bytes = config.size("maxObjectSize");
  constexpr std::uint64_t kUnit = 256U << 10U, kMost = 1U << 30U;
  out.chunk_bytes = config.size("chunkSize", 8U << 20U);
  if (out.chunk_bytes == 0 || out.chunk_bytes % kUnit != 0 || out.chunk_bytes > kMost) {
    throw Error(CLEAT_INVALID, "chunkSize: expected a multiple of 256Ki, up to 1Gi, found " +
                                   std::to_string(out.chunk_bytes) + " bytes");
  }
  out.strict_dapr = config.fact("strict-dapr") == "true";
  return out;
}

}  // namespace cleat::bucket
