#pragma once

#include <cleat/plugin.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "blob_config.hpp"
#include "bulk_request.hpp"
#include "common/azure/place.hpp"
#include "common/file_work.hpp"
#include "work.hpp"

namespace cleat::blobstorage {

/// One call of bulkGet, bulkCreate or bulkDelete: a request for each blob, some at a time, and an answer that says of each what
/// became of it. Lives until its call is completed; on the loop's thread, but for the constructor.
class Bulk : public std::enable_shared_from_this<Bulk> {
 public:
  /// What a component has; it outlives the call.
  struct Component {
    azure::Place& container;
    const common::FileWork& files;
    FileCalls& file_calls;
    const BlobConfig& config;
  };

  Bulk(const Component& component, WorkPtr work, BulkRequest request);

  void begin(Call&& call);

 private:
  using Kind = BulkRequest::Kind;
  using Item = BulkRequest::Item;

  void list(const std::string& marker);
  void listed(std::string_view answer);
  void run();
  void ask(std::size_t index);
  void get(std::size_t index, bool is_alone);
  void got(std::size_t index, std::uint64_t reserved, bool is_alone, common::HttpResponse* answer,
           const azure::Failure* failure);
  void download(std::size_t index);
  void create(std::size_t index);
  void upload(std::size_t index);
  void remove(std::size_t index);
  [[nodiscard]] azure::ServiceRequest request(std::size_t index, const char* what, const char* method) const;
  void send(std::size_t index, azure::ServiceRequest request);
  void answered(std::size_t index, const azure::Failure* failure);
  void over();
  void complete();
  void fail(const azure::Failure& failure);
  [[nodiscard]] std::uint64_t left() const {
    return component_.config.max_blob_bytes - read_bytes_ - reserved_;
  }
  [[nodiscard]] std::uint64_t part_bytes() const;
  [[nodiscard]] std::string answer() const;

  const Component component_;
  const WorkPtr work_;
  BulkRequest request_;
  std::size_t next_ = 0, out_ = 0;
  std::uint64_t read_bytes_ = 0, reserved_ = 0;  ///< of the answer: there, and on their way
  std::deque<std::size_t> large_;                ///< blobs that need more than their share
  bool is_running_ = false;
  Call call_;
};

}  // namespace cleat::blobstorage
