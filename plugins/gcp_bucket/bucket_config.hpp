#pragma once

#include <cleat/values.hpp>

#include <cstdint>
#include <string>

#include "common/google/credentials.hpp"

namespace cleat::bucket {

struct BucketConfig {
  google::Place place;
  std::string bucket;
  std::string ca;  ///< PEM text
  bool decode_base64 = false, encode_base64 = false;
  std::string sign_ttl;                ///< of requests that name none
  std::string content_type;            ///< of objects whose request names none; may be empty
  std::uint64_t max_object_bytes = 0;  ///< 0: no bound
  std::uint64_t chunk_bytes = 0;
  bool strict_dapr = false;
};

/// Throws Error(CLEAT_INVALID) that names the field, never with a secret.
BucketConfig parse_config(const Config& config);

}  // namespace cleat::bucket
