#pragma once

#include <memory>
#include <string>

#include "object_request.hpp"
#include "storage.hpp"

namespace cleat::bucket {

/// One copy, move or rename. A move copies the generation that it found, and deletes that one only once the copy is there:
/// whatever fails, the object is in one place at least, and what another writer put in its place meanwhile stays. Lives until
/// its call is completed; on the loop's thread, but for the constructor.
class Copying : public std::enable_shared_from_this<Copying> {
 public:
  /// Throws Error for what cannot be, with Dapr's words; the call is the caller's still. `storage` outlives it.
  Copying(Storage& storage, const Request& request);
  void begin(Call&& call);

 private:
  void read_destination(const Request& request);
  void read_new_name(const Request& request);
  void find_generation();
  void copy(const std::string& token);
  void copied(const common::HttpResponse& answer);
  void remove_source();
  void complete();
  [[nodiscard]] google::Failure in_words(google::Failure failure) const;

  Storage& storage_;
  const google::ServiceRequest base_;
  enum class Kind { copy, move, rename } kind_;
  std::string key_, to_bucket_, to_key_;
  Query conditions_;
  std::string generation_;  ///< of the source, if it is to be that one
  Call call_;
};

}  // namespace cleat::bucket
