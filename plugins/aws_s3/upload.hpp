#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bucket.hpp"
#include "common/file_work.hpp"
#include "common/files.hpp"
#include "object.hpp"

namespace cleat::s3 {

struct Stored {
  std::string etag, version;  ///< version: empty without versions
};

/// Writes one object: at once, or in parts of which the last request makes an object; what has come of a failed one is
/// taken away again. On the loop's thread.
class Upload : public std::enable_shared_from_this<Upload> {
 public:
  /// Exactly one of the two is given.
  using Done = std::function<void(const Stored* stored, const aws::Failure* failure)>;

  Upload(Bucket& bucket, const common::FileWork& files, WorkPtr work, NewObject object, Done done);

  void begin();
  /// Ends it now, whatever it waits for. Nothing if its bytes are those of the call: that ends with its transfers.
  void give_up(const aws::Failure& failure);

 private:
  void open();
  void begin_with(std::uint64_t size);
  void read(std::uint64_t from, std::uint64_t count, std::function<void(std::string_view bytes)> then);
  void put(std::string_view bytes);
  void create_parts();
  void next();
  void send_part(std::size_t index, std::string_view bytes);
  void complete_parts();
  void completed(const common::HttpResponse& answer);
  void fail(const aws::Failure& failure);
  void end(const Stored* stored, const aws::Failure* failure);
  void abort_parts();
  [[nodiscard]] bool is_of_file() const { return file_ != nullptr || is_opening_; }

  Bucket& bucket_;
  const common::FileWork& files_;
  const WorkPtr work_;
  NewObject object_;
  Done done_;
  std::shared_ptr<const common::File> file_;
  bool is_opening_ = false;
  std::uint64_t size_ = 0, part_bytes_ = 0;
  std::string upload_id_;
  std::vector<std::string> etags_;   ///< of the parts
  std::size_t next_ = 0;             ///< part to begin with
  std::size_t out_ = 0;              ///< parts that are read or sent
  std::set<std::uint64_t> tags_;     ///< of those that are sent
  std::optional<aws::Failure> why_;  ///< the first that went wrong
  bool is_over_ = false;
};

}  // namespace cleat::s3
