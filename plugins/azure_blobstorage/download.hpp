#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "blob_config.hpp"
#include "common/azure/place.hpp"
#include "common/file_work.hpp"
#include "common/files.hpp"
#include "work.hpp"

namespace cleat::blobstorage {

/// Where a blob goes to.
struct Destination {
  std::string
      folder;  ///< empty: `path` is a path of its own, otherwise it is the name of a file below this folder
  std::string path;

  [[nodiscard]] std::string text() const { return folder.empty() ? path : folder + "/" + path; }
};

/// One blob on its way to a file, part by part, so that no more than a part of it is in memory. The file has its name when all
/// of it is there; a blob that changes meanwhile is an error. On the loop's thread.
class Download : public std::enable_shared_from_this<Download> {
 public:
  /// Exactly one of the two is given; the answer is that to Get Blob Properties.
  using Done = std::function<void(common::HttpResponse* properties, const azure::Failure* failure)>;

  /// `container`, `files` and `config` outlive it.
  Download(azure::Place& container, const common::FileWork& files, const BlobConfig& config, WorkPtr work,
           std::uint64_t part_bytes);

  /// `done` is called once, or never if the work is over before.
  void begin(std::string blob, Destination destination, Done done);

 private:
  [[nodiscard]] azure::ServiceRequest request(const char* what, const char* method) const;
  void open();
  void next();
  void write(std::string bytes);
  void finish();
  /// False: it is over. Otherwise `error` is none.
  bool goes_on(const Error* error);
  void fail(const azure::Failure& failure);
  void drop_file();

  azure::Place& container_;
  const common::FileWork& files_;
  const BlobConfig& config_;
  const WorkPtr work_;
  const std::uint64_t part_bytes_;
  std::string blob_;
  Destination destination_;
  Done done_;
  common::HttpResponse properties_;
  std::uint64_t size_ = 0, written_ = 0;
  std::shared_ptr<common::NewFile> file_;
};

}  // namespace cleat::blobstorage
