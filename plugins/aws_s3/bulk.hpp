#pragma once

#include <cleat/plugin.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bucket.hpp"
#include "common/file_work.hpp"
#include "object.hpp"

namespace cleat::s3 {

/// What bulkGet and bulkCreate ask for.
struct BulkRequest {
  struct Item {
    NewObject object;   ///< for get its key only, and the file that gets its bytes
    std::string error;  ///< why it is not even tried
  };
  bool is_get = false;
  bool encode = false;  ///< what is read is answered in base64
  std::size_t concurrency = 0;
  std::vector<Item> items;
};

/// Throws Error with Dapr's words.
BulkRequest bulk_request(const Request& request, const S3Config& config);

/// Several objects read or written, so many at once. What goes wrong with one is its result. On the loop's thread.
class Bulk : public std::enable_shared_from_this<Bulk> {
 public:
  /// With a JSON array of results in the order of the items; or with why there is none: the call is over.
  using Done = std::function<void(const std::string* results, const aws::Failure* failure)>;

  Bulk(Bucket& bucket, const common::FileWork& files, WorkPtr work, BulkRequest request, Done done);

  void begin();
  /// Ends the call now. Nothing in it is read after that: all bytes are its own.
  void give_up(const aws::Failure& failure);

 private:
  void next();
  void get(std::size_t index, bool is_alone);
  void got(std::size_t index, common::HttpResponse& answer);
  void create(std::size_t index);
  void ended(std::size_t index, std::string result);
  void failed(std::size_t index, const std::string& text);
  [[nodiscard]] std::uint64_t left() const;

  Bucket& bucket_;
  const common::FileWork& files_;
  const WorkPtr work_;
  BulkRequest request_;
  Done done_;
  std::vector<std::string> results_;  ///< members of the objects, behind the key
  std::vector<std::size_t> large_;    ///< to be read again, one at a time
  std::size_t next_ = 0, out_ = 0, ended_ = 0;
  std::vector<std::weak_ptr<class Upload>> uploads_;
  std::uint64_t answer_bytes_ = 0;
  bool is_in_loop_ = false;
};

}  // namespace cleat::s3
