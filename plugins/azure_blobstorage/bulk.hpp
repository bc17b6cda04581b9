#pragma once

#include <cleat/plugin.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "blob_config.hpp"
#include "common/azure/place.hpp"

namespace cleat::blobstorage {

/// One call of bulkGet, bulkCreate or bulkDelete: a request for each blob, some at a time, and an answer that says of each what
/// became of it. Lives until its call is completed; on the loop's thread, but for the constructor.
class Bulk : public std::enable_shared_from_this<Bulk> {
 public:
  enum class Kind { get, create, remove };

  /// Throws Error for what cannot be done; the call is the caller's still. `container` and `config` outlive it.
  Bulk(azure::Place& container, const BlobConfig& config, const Request& request, Kind kind);

  void begin(Call&& call);

 private:
  struct Item {
    std::string name, type;
    std::string data;  ///< to write, or what was read
    std::string error;
  };

  void read_items(const Request& request);
  void list();
  void listed(std::string_view answer);
  void run();
  void ask(std::size_t index);
  void answered(std::size_t index, common::HttpResponse* answer, const azure::Failure* failure);
  void complete();
  void fail(const azure::Failure& failure);
  [[nodiscard]] std::string answer() const;

  azure::Place& container_;
  const BlobConfig& config_;
  const Kind kind_;
  std::uint64_t tag_, deadline_ns_;
  std::string prefix_, snapshots_;
  std::vector<Item> items_;
  std::size_t at_a_time_, next_ = 0, out_ = 0;
  std::uint64_t read_bytes_ = 0;
  bool is_running_ = false, is_over_ = false;
  Call call_;
};

}  // namespace cleat::blobstorage
