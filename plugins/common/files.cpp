#include "common/files.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/uuid.hpp"

namespace cleat::common {
namespace {

[[noreturn]] void fail(const std::string& what, int error) {
  cleat_status status = CLEAT_UNAVAILABLE;
  if (error == ENOENT || error == ENOTDIR) status = CLEAT_NOT_FOUND;
  if (error == EACCES || error == EPERM || error == EXDEV || error == EROFS) status = CLEAT_DENIED;
  if (error == EISDIR || error == ENAMETOOLONG || error == ELOOP || error == EINVAL) status = CLEAT_INVALID;
  throw Error(status, what + ": " + std::generic_category().message(error),
              status == CLEAT_UNAVAILABLE ? CLEAT_RETRYABLE : 0, error);
}

std::string without_folder(const FilePlace& place, std::string path) {
  if (path.compare(0, place.folder.size() + 1, place.folder + "/") == 0)
    path.erase(0, place.folder.size() + 1);
  else if (path == place.folder)
    path.clear();
  return path;
}

FileDescriptor open_folder(const std::string& path, int flags) {
  return FileDescriptor(::open(path.c_str(), flags | O_DIRECTORY | O_CLOEXEC));
}

/// What `path` means, and nothing outside of the place. Below zero: errno says why.
FileDescriptor open_path(const FilePlace& place, const std::string& path, int flags) {
  if (place.folder.empty()) return FileDescriptor(::open(path.c_str(), flags | O_CLOEXEC, 0666));
  const FileDescriptor root = open_folder(place.folder, O_PATH);
  if (root.get() < 0) return FileDescriptor();
  std::string below = without_folder(place, path);
  if (below.empty()) below = ".";
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return FileDescriptor(
      static_cast<int>(::syscall(SYS_openat2, root.get(), below.c_str(), &how, sizeof how)));
}

/// The folder of this name in `above`, made if it is not there. A link is none.
FileDescriptor make_one(int above, const std::string& name, const std::string& what) {
  if (name.empty() || name == "." || name == "..")
    throw Error(CLEAT_INVALID,
                what + ": expected a path below its folder, without empty parts, '.' and '..'");
  if (::mkdirat(above, name.c_str(), 0777) != 0 && errno != EEXIST) fail(what, errno);
  FileDescriptor out(::openat(above, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (out.get() < 0) fail(what, errno);
  return out;
}

/// Goes down all parts of `path` but the last, and leaves that one in it.
FileDescriptor make_above(FileDescriptor at, std::string& path, const std::string& what) {
  for (std::size_t end = 0; (end = path.find('/')) != std::string::npos; path.erase(0, end + 1))
    at = make_one(at.get(), path.substr(0, end), what);
  return at;
}

FileDescriptor make_folder(const FilePlace& place, const std::string& path, const std::string& what) {
  if (place.folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    FileDescriptor out = open_folder(path, O_RDONLY);
    if (out.get() < 0) fail(what, error ? error.value() : errno);
    return out;
  }
  FileDescriptor root = open_folder(place.folder, O_RDONLY);
  if (root.get() < 0) fail(what, errno);
  std::string below = without_folder(place, path);
  while (!below.empty() && below.back() == '/')
    below.pop_back();
  if (below.empty() || below == ".") return root;
  FileDescriptor above = make_above(std::move(root), below, what);
  return make_one(above.get(), below, what);
}

void check_name(const std::string& name, const std::string& what) {
  if (name.empty() || name == "." || name == "..")
    throw Error(CLEAT_INVALID, what + ": expected the name of a file at its end");
}

void check_bytes(const std::string& path, const std::string& what) {
  if (path.find('\0') != std::string::npos)
    throw Error(CLEAT_INVALID, what + ": expected a path without a zero byte");
}

}  // namespace

FilePlace file_place(const Config& config, std::string prefix) {
  std::string folder = config.text("fileFolder");
  if (!folder.empty() && folder.front() != '/')
    throw Error(CLEAT_INVALID, "fileFolder: expected an absolute path, found '" + folder + "'");
  while (folder.size() > 1 && folder.back() == '/')
    folder.pop_back();
  return {std::move(folder), std::move(prefix)};
}

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (number_ < 0) return;
  const int error = errno;
  ::close(number_);
  errno = error;
}

File::File(const FilePlace& place, const std::string& path)
    : what_(place.prefix + "file read error: '" + path + "'") {
  check_bytes(path, what_);
  file_ = open_path(place, path, O_RDONLY | O_NONBLOCK);
  if (file_.get() < 0) fail(what_, errno);
  struct stat about {};
  if (::fstat(file_.get(), &about) != 0) fail(what_, errno);
  if (!S_ISREG(about.st_mode)) throw Error(CLEAT_INVALID, what_ + ": expected a regular file");
  size_ = static_cast<std::uint64_t>(about.st_size);
}

std::string File::read(std::uint64_t from, std::uint64_t count) const {
  std::string out(count, '\0');
  for (std::uint64_t at = 0; at < count;) {
    const ssize_t got = ::pread(file_.get(), out.data() + at, count - at, static_cast<off_t>(from + at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(what_, errno);
    if (got == 0)
      throw Error(CLEAT_CONFLICT, what_ + ": it became shorter while it was read", CLEAT_RETRYABLE);
    at += static_cast<std::uint64_t>(got);
  }
  return out;
}

NewFile::NewFile(const FilePlace& place, const std::string& path)
    : what_(place.prefix + "file write error: '" + path + "'") {
  check_bytes(path, what_);
  const std::size_t slash = path.rfind('/');
  name_ = slash == std::string::npos ? path : path.substr(slash + 1);
  check_name(name_, what_);
  folder_ = open_path(place,
                      slash == std::string::npos ? "."
                      : slash == 0               ? "/"
                                                 : path.substr(0, slash),
                      O_RDONLY | O_DIRECTORY);
  if (folder_.get() < 0) fail(what_, errno);
  begin();
}

NewFile::NewFile(const FilePlace& place, const std::string& folder, const std::string& name)
    : what_(place.prefix + "file write error: '" + folder + "/" + name + "'"), name_(name) {
  check_bytes(folder + name, what_);
  folder_ = make_above(make_folder(place, folder, what_), name_, what_);
  check_name(name_, what_);
  begin();
}

void NewFile::begin() {
  unfinished_ = ".cleat-unfinished-" + random_uuid();
  file_ = FileDescriptor(
      ::openat(folder_.get(), unfinished_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file_.get() < 0) fail(what_, errno);
}

NewFile::~NewFile() {
  if (file_.get() >= 0) ::unlinkat(folder_.get(), unfinished_.c_str(), 0);
}

void NewFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(what_, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void NewFile::finish() {
  if (::fsync(file_.get()) != 0 ||
      ::renameat(folder_.get(), unfinished_.c_str(), folder_.get(), name_.c_str()) != 0)
    fail(what_, errno);
  const FileDescriptor done = std::move(file_);
  if (!sync_folder(folder_.get())) fail(what_, errno);
}

bool sync_folder(int folder) {
  // EINVAL: one of the network or of user space, which keeps names safe in its own way or not at all.
  return ::fsync(folder) == 0 || errno == EINVAL;
}

void write_file(const FilePlace& place, const std::string& path, std::string_view bytes) {
  NewFile made(place, path);
  made.write(bytes);
  made.finish();
}

}  // namespace cleat::common
