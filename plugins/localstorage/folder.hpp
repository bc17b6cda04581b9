#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "descriptor.hpp"
#include "resolve.hpp"

namespace cleat::localstorage {

/// What is asked of a file: a part of it, and how much is too much.
struct Part {
  std::uint64_t offset = 0;
  std::uint64_t length = UINT64_MAX;
  std::uint64_t most = 0;  ///< bytes; 0: no bound
};

struct Content {
  std::string bytes;
  std::uint64_t file_size = 0;  ///< of the whole file, when it was opened
};

/// A folder and what is in it. No name leads out of it, see Resolution. Everything throws Error, which says the name as it
/// was asked for. It is looked up anew for each call, so one that was deleted or mounted over meanwhile is noticed.
/// Any number of threads.
class Folder {
 public:
  /// Makes the folder if it is not there. Throws for what is none, and for places of the system (/proc, secrets, ...).
  /// `root_path` as absolute_root() gives it.
  explicit Folder(const std::string& root_path);
  /// For tests: names are followed in just this way.
  Folder(const std::string& root_path, Resolution resolution);

  /// Absolute, without symbolic links.
  [[nodiscard]] const std::string& path() const { return path_; }

  /// Throws if the folder is not there any more.
  void check() const;
  /// Replaces the file in one step, with the folders above it: who reads sees the old bytes or the new ones, also after a
  /// crash of the machine. Of a file that is replaced the permissions stay, and where we may the owner.
  void write(std::string_view name, std::string_view bytes) const;
  [[nodiscard]] Content read(std::string_view name, const Part& part) const;
  /// A file, or a folder that is empty; gone for good when this returns.
  void remove(std::string_view name) const;
  /// The files below a folder, relative to this one, sorted. More than `most` are an error.
  [[nodiscard]] std::vector<std::string> list(std::string_view name, std::size_t most) const;

 private:
  [[nodiscard]] Descriptor root() const;
  [[nodiscard]] Descriptor root_made_again() const;
  [[nodiscard]] Descriptor make_parent(const std::string& name) const;

  std::string path_;
  Resolution resolution_ = Resolution::kernel;
};

}  // namespace cleat::localstorage
