#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "blob_request.hpp"
#include "common/azure/place.hpp"
#include "common/file_work.hpp"
#include "common/files.hpp"
#include "work.hpp"

namespace cleat::blobstorage {

/// One blob on its way out: at once, or in blocks of which the last request makes a blob. On the loop's thread, but for the
/// constructor.
class Upload : public std::enable_shared_from_this<Upload> {
 public:
  /// Exactly one of the two is given.
  using Done = std::function<void(common::HttpResponse* answer, const azure::Failure* failure)>;

  /// `container` and `files` outlive it.
  Upload(azure::Place& container, const common::FileWork& files, WorkPtr work, std::uint64_t block_bytes);

  /// What it is to write, to be filled before the beginning.
  NewBlob& blob() { return blob_; }

  /// `done` is called once, or never if it waits for a file and the work is over before.
  void begin(Done done);
  /// The same for the bytes of a file instead of the blob's own.
  void begin(common::FilePlace place, std::string path, Done done);

 private:
  using Bytes = std::shared_ptr<const std::string>;

  void begin_with(std::uint64_t size);
  void next();
  void read(std::uint64_t from, std::uint64_t count);
  void put_blob(Bytes bytes);
  void put_block(Bytes bytes, std::uint64_t from, std::uint64_t count);
  void put_block_list();
  [[nodiscard]] azure::ServiceRequest request(const char* what) const;
  /// With the bytes of a file, which are let go of when it has ended, or with these of the blob.
  void send(azure::ServiceRequest request, const Bytes& bytes, std::string_view of_blob,
            std::function<void(common::HttpResponse& answer)> then);
  void end(common::HttpResponse* answer, const azure::Failure* failure);
  void fail(const Error& error);

  azure::Place& container_;
  const common::FileWork& files_;
  const WorkPtr work_;
  const std::uint64_t block_bytes_;
  NewBlob blob_;
  std::shared_ptr<const common::File> file_;
  std::uint64_t size_ = 0;
  std::string block_prefix_;  ///< of this upload only: two that run at once do not take each other's blocks
  std::vector<std::string> blocks_;
  Done done_;
};

}  // namespace cleat::blobstorage
