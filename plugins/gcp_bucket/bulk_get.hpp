#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "listing.hpp"

namespace cleat::bucket {

/// One bulkGet: the bytes of what a walk through the bucket has found, some objects at a time, all of them together bounded.
/// Lives until its call is completed; on the loop's thread, but for the constructor.
class BulkGet : public std::enable_shared_from_this<BulkGet> {
 public:
  /// Throws Error for data that asks for nothing that can be; the call is the caller's still. `storage` outlives it.
  BulkGet(Storage& storage, const Request& request);
  void begin(Call&& call);

 private:
  void listed(std::vector<Listed>& found, const std::string& next);
  void ask_more();
  void got(std::size_t at, common::HttpResponse* answer, const google::Failure* failure);
  void fail(const google::Failure& failure);
  void complete();
  [[nodiscard]] bool is_too_large(std::uint64_t bytes) const;
  [[nodiscard]] static google::Failure too_large(std::uint64_t bound);

  Storage& storage_;
  const google::ServiceRequest base_;
  ListQuery query_;
  bool is_encoded_twice_;
  std::vector<Listed> found_;
  std::string next_;
  std::vector<std::string> entries_;  ///< JSON; empty: the object is gone, or was none
  std::size_t asked_ = 0, out_ = 0;
  std::uint64_t bytes_ = 0;
  Call call_;
};

}  // namespace cleat::bucket
