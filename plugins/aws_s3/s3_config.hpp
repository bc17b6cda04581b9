#pragma once

#include <cleat/values.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/aws/settings.hpp"
#include "common/files.hpp"

namespace cleat::s3 {

struct S3Config {
  aws::Settings settings;
  std::string bucket;
  std::string host;  ///< of the bucket, with its port; empty: that of the endpoint
  std::string base;  ///< what the path of every object begins with: "/bucket", or nothing
  bool skip_verify = false;
  bool decode_base64 = false, encode_base64 = false;
  std::string file_path, storage_class, presign_ttl;  ///< empty: none
  common::FilePlace files;
  std::uint64_t max_object_bytes = 0;  ///< 0: no bound
  std::uint64_t part_bytes = 0;
  bool strict_dapr = false;
};

/// Throws Error that names the field, never with a secret.
S3Config parse_config(const Config& config);

/// "/bucket/a%20key", with what the endpoint's path begins with left out.
std::string path_of(const S3Config& config, std::string_view key);

/// The address of an object, without a signature.
std::string location_of(const S3Config& config, std::string_view key);

/// How long a signed URL is good: 1 s to 7 days. Throws Error(CLEAT_INVALID).
std::chrono::seconds parse_presign_ttl(std::string_view text);

}  // namespace cleat::s3
