#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace cleat::common {

/// Which files a component may use, and how its errors begin.
struct FilePlace {
  std::string folder;  ///< absolute; nothing outside of it is opened, by `..` or by a link. Empty: any path
  std::string prefix;  ///< "s3 binding error: "
};

/// Reads fileFolder. Throws Error(CLEAT_INVALID).
FilePlace file_place(const Config& config, std::string prefix);

/// A descriptor that is closed with its owner.
class FileDescriptor {
 public:
  explicit FileDescriptor(int number = -1) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

/// A file that is open for reading. Any thread, one at a time; all of it may block, and throws Error that says why not.
class File {
 public:
  File(const FilePlace& place, const std::string& path);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Throws if so many bytes are not there.
  [[nodiscard]] std::string read(std::uint64_t from, std::uint64_t count) const;

 private:
  std::string what_;
  FileDescriptor file_;
  std::uint64_t size_ = 0;
};

/// A file that takes the place of the old one when all of it is there. Without finish() it goes again, and the old one stays.
/// Any thread, one at a time; all of it may block, and throws Error that says why not.
class NewFile {
 public:
  /// The folder of `path` has to be there.
  NewFile(const FilePlace& place, const std::string& path);
  /// `name` below `folder`, which is a path as above: never outside of it, whatever the name is, and over no link. Folders that are
  /// not there are made.
  NewFile(const FilePlace& place, const std::string& folder, const std::string& name);
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();

  void write(std::string_view bytes);
  /// Brings it to the disk, under its name.
  void finish();

 private:
  void begin();

  std::string what_, name_, unfinished_;
  FileDescriptor folder_, file_;
};

/// Brings the names in a folder to the disk, if its file system can be asked to. False with errno set.
bool sync_folder(int folder);

/// Makes or replaces a file, whole or not at all. Throws Error. It may block.
void write_file(const FilePlace& place, const std::string& path, std::string_view bytes);

}  // namespace cleat::common
