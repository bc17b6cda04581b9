#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace cleat {

/// A regular file opened for reading, whose every read is checked against its size. For files that nobody
/// vouches for.
class RegularFile {
 public:
  /// Links are followed, because operators link; what they lead to must be a regular file. Never waits,
  /// whatever the path is. The error is what was found and what to do, "an empty file: copy it again",
  /// without the path.
  static Result<RegularFile> open(const std::filesystem::path& file);

  RegularFile(RegularFile&& other) noexcept;
  RegularFile& operator=(RegularFile&&) = delete;
  ~RegularFile();

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] bool has(std::uint64_t offset, std::uint64_t bytes) const {
    return offset <= size_ && bytes <= size_ - offset;
  }
  /// False if the range is not in the file, or no longer.
  [[nodiscard]] bool read(std::uint64_t offset, void* to, std::uint64_t bytes) const;

 private:
  RegularFile(int fd, std::uint64_t size) : fd_(fd), size_(size) {}

  int fd_;
  std::uint64_t size_;
};

}  // namespace cleat
