#pragma once

#include <chrono>
#include <string>

#include "bucket_config.hpp"

namespace cleat::bucket {

/// The object's own address: "https://storage.googleapis.com/BUCKET/KEY", encoded.
std::string public_url(const BucketConfig& config, const std::string& key);

/// What makes an address that may be read by whoever has it: V4 of Google Cloud Storage, GET, of path style.
struct UnsignedUrl {
  std::string text;  ///< to be signed
  std::string url;   ///< all but the signature in hexadecimal digits, which is to be appended
};
/// `lifetime`: from 1 second to 7 days.
UnsignedUrl unsigned_url(const BucketConfig& config, const std::string& key, const std::string& email,
                         std::chrono::system_clock::time_point now, std::chrono::seconds lifetime);

/// The time to live that a request asks for, or else the component's. Throws Error with Dapr's words without either.
std::chrono::seconds sign_ttl_of(std::string_view requested, const BucketConfig& config);

}  // namespace cleat::bucket
