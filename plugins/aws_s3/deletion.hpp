#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bucket.hpp"

namespace cleat::s3 {

/// The keys in the data of bulkDelete, each once, in the order of their first places. Throws Error with Dapr's words.
std::vector<std::string> keys_to_delete(std::string_view data);

/// One bulkDelete: requests of up to a thousand keys, one after the other. What goes wrong with one key, or with one request,
/// is the result of the keys that it is about. On the loop's thread.
class Deletion : public std::enable_shared_from_this<Deletion> {
 public:
  /// With a JSON array of results, or with why there are none: then no key has been deleted.
  using Done = std::function<void(const std::string* results, const aws::Failure* failure)>;

  Deletion(Bucket& bucket, WorkPtr work, std::vector<std::string> keys, Done done);

  void begin() { next(); }

 private:
  void next();
  void answered(std::size_t end, const std::string& xml);
  void finish();

  Bucket& bucket_;
  const WorkPtr work_;
  const std::vector<std::string> keys_;
  const Done done_;
  std::size_t at_ = 0;                         ///< first key that was not asked for
  std::map<std::string, std::string> errors_;  ///< by key
};

}  // namespace cleat::s3
