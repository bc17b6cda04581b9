#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "blob_config.hpp"
#include "blob_request.hpp"
#include "common/azure/place.hpp"

namespace cleat::blobstorage {

/// One create: a blob at once, or in blocks of which the last request makes a blob. Lives until its call is completed; on the
/// loop's thread, but for the constructor.
class Upload : public std::enable_shared_from_this<Upload> {
 public:
  /// Throws Error for what cannot be a blob; the call is the caller's still. `container` and `config` outlive it.
  Upload(azure::Place& container, const BlobConfig& config, const Request& request);

  void begin(Call&& call);

 private:
  void put_blob();
  void put_block();
  void put_block_list();
  [[nodiscard]] azure::ServiceRequest request(const char* what) const;
  void done(const common::HttpResponse& answer);

  azure::Place& container_;
  const BlobConfig& config_;
  NewBlob blob_;
  std::uint64_t tag_, deadline_ns_;
  std::string presigned_;
  std::string block_prefix_;  ///< of this upload only: two that run at once do not take each other's blocks
  std::vector<std::string> blocks_;
  Call call_;
};

}  // namespace cleat::blobstorage
