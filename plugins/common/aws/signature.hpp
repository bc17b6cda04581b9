#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/aws/keys.hpp"
#include "common/curl/loop.hpp"

namespace cleat::aws {

/// What a signature is for.
struct Scope {
  std::string region, service;
  std::int64_t time_s = 0;        ///< of the signature, seconds since 1970
  bool is_path_as_it_is = false;  ///< S3 encodes a path once and leaves it as it is; the others do it twice
  bool is_hash_sent = false;      ///< S3 wants the hash of the body as a header
};

/// Adds the headers of AWS Signature Version 4. All headers that are there by now are part of it, and so is the body.
/// `body_hash`: its SHA-256 in hexadecimal, where that is known already. Throws Error(CLEAT_INTERNAL) if the library cannot.
void sign(common::HttpRequest& request, const Keys& keys, const Scope& scope,
          std::string_view body_hash = {});

/// `url` with the signature in its query: whoever has it may do this, for so many seconds, without keys.
std::string presigned(const std::string& method, const std::string& url, const Keys& keys, const Scope& scope,
                      std::uint64_t seconds);

}  // namespace cleat::aws
