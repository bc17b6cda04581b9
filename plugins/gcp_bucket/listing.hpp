#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "object_request.hpp"
#include "storage.hpp"

namespace cleat::bucket {

constexpr std::size_t kMostListed = 100'000;

/// What list and bulkGet ask for.
struct ListQuery {
  std::string prefix, delimiter, page_token;
  std::size_t most = 1000;
};

/// From the data: {"prefix", "delimiter", "maxResults", "pageToken"}, all of it optional. Throws Error, with the name of the
/// operation, for what is none.
ListQuery list_query_of(const Request& request, const char* operation);

/// An object, or a prefix without a name.
struct Listed {
  std::string name, attributes;
  std::uint64_t size = 0;
};

/// One walk through a bucket, page by page. Keeps itself until it has called `done`; on the loop's thread.
class Listing : public std::enable_shared_from_this<Listing> {
 public:
  /// Exactly one of the two is given. `next` is the token of what follows; empty at the end.
  using Done = std::function<void(std::vector<Listed>* found, const std::string& next,
                                  const google::Failure* failure)>;

  /// `storage` outlives it; `request` is the first page's without its query.
  Listing(Storage& storage, google::ServiceRequest request, ListQuery query, Done done);
  void begin();

 private:
  void answered(const common::HttpResponse& answer);

  Storage& storage_;
  const google::ServiceRequest request_;
  ListQuery query_;
  const Done done_;
  std::vector<Listed> found_;
};

}  // namespace cleat::bucket
