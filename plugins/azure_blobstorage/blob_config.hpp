#pragma once

#include <cleat/values.hpp>

#include <cstdint>
#include <string>

#include "common/azure/account.hpp"
#include "common/files.hpp"

namespace cleat::blobstorage {

struct BlobConfig {
  azure::Account account;
  std::string container;
  std::string ca;             ///< PEM text
  std::string public_access;  ///< of a container that is made: "", "blob" or "container"
  bool make_container = true;
  bool decode_base64 = false;
  common::FilePlace files;
  std::uint64_t max_blob_bytes = 0;  ///< 0: no bound
  std::uint64_t block_bytes = 0;
  bool strict_dapr = false;
};

/// Throws Error(CLEAT_INVALID) that names the field, never with a secret.
BlobConfig parse_config(const Config& config);

}  // namespace cleat::blobstorage
