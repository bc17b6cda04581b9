#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cleat::localstorage {

/// A descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  int release() {
    const int number = number_;
    number_ = -1;
    return number;
  }

 private:
  int number_;
};

/// What is asked of a file: a part of it, and how much is too much.
struct Part {
  std::uint64_t offset = 0;
  std::uint64_t length = UINT64_MAX;
  std::uint64_t most = 0;  ///< bytes; 0: no bound
};

/// A folder and what is in it. No name leads out of it: the kernel resolves `..`, absolute names and symbolic links as
/// if the folder were the root of everything (openat2). Everything throws Error, which says the name as it was asked for.
/// Any number of threads.
class Folder {
 public:
  /// Makes the folder if it is not there. Throws for what is none, and for places of the system (/proc, secrets, ...).
  explicit Folder(const std::string& path);

  /// Absolute, without symbolic links.
  [[nodiscard]] const std::string& path() const { return path_; }

  /// Replaces the file in one step, with the folders above it: who reads sees the old bytes or the new ones, also after
  /// a crash of the machine.
  void write(std::string_view name, std::string_view bytes) const;
  [[nodiscard]] std::string read(std::string_view name, const Part& part) const;
  /// A file, or a folder that is empty.
  void remove(std::string_view name) const;
  /// The files below a folder, relative to this one, sorted. More than `most` are an error.
  [[nodiscard]] std::vector<std::string> list(std::string_view name, std::size_t most) const;

  /// A name without empty parts, '.' and '..', which go no further up than to the folder itself.
  static std::string clean(std::string_view name);

 private:
  [[nodiscard]] Descriptor open(const std::string& name, int flags) const;
  [[nodiscard]] Descriptor open_parent(const std::string& name, bool make) const;
  void list_into(int folder, const std::string& prefix, std::size_t most, int depth,
                 std::vector<std::string>& out) const;

  std::string path_;
  Descriptor root_;
};

}  // namespace cleat::localstorage
