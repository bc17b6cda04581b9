#pragma once

#include <cleat/plugin.hpp>

#include <cstddef>
#include <string>
#include <vector>

#include "download.hpp"

namespace cleat::blobstorage {

/// What the data of a bulk operation asks for.
struct BulkRequest {
  enum class Kind { get, create, remove };
  struct Item {
    std::string name, type;
    std::string data;    ///< to write, or what was read
    std::string source;  ///< the file to write; empty: `data` is
    Destination file;    ///< of a blob that is read; without a path it goes into the answer
    std::string error;   ///< what became of it
  };

  Kind kind = Kind::get;
  std::vector<Item> items;
  std::string prefix;       ///< empty: `items` are all
  std::string destination;  ///< folder for the blobs of `prefix`
  std::string snapshots;    ///< what is to become of those that are deleted
  std::size_t at_a_time = 0;

  [[nodiscard]] bool has_files() const;
};

/// More are neither asked for nor listed.
constexpr std::size_t kMostItems = 5000;

/// Throws Error for what cannot be done, in Dapr's words where it has some.
BulkRequest bulk_request(const Request& request, BulkRequest::Kind kind);

}  // namespace cleat::blobstorage
