#include "files.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "common/uuid.hpp"

namespace cleat::s3 {
namespace {

[[noreturn]] void fail(const std::string& what, int error) {
  cleat_status status = CLEAT_UNAVAILABLE;
  if (error == ENOENT || error == ENOTDIR) status = CLEAT_NOT_FOUND;
  if (error == EACCES || error == EPERM || error == EXDEV || error == EROFS) status = CLEAT_DENIED;
  if (error == EISDIR || error == ENAMETOOLONG || error == ELOOP || error == EINVAL) status = CLEAT_INVALID;
  throw Error(status, what + ": " + std::generic_category().message(error),
              status == CLEAT_UNAVAILABLE ? CLEAT_RETRYABLE : 0, error);
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

/// What `path` means, and nothing outside of `folder` if that is not empty. Below zero: errno says why.
int open_path(const std::string& folder, const std::string& path, int flags) {
  if (folder.empty()) return ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  const Descriptor root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root.get() < 0) return -1;
  std::string below = path;
  if (below.compare(0, folder.size() + 1, folder + "/") == 0) below.erase(0, folder.size() + 1);
  if (below.empty()) below = ".";
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, root.get(), below.c_str(), &how, sizeof how));
}

void write_all(int descriptor, std::string_view bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(what, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

File::File(const std::string& folder, const std::string& path)
    : path_(path), descriptor_(open_path(folder, path, O_RDONLY | O_NONBLOCK)) {
  const std::string what = "s3 binding error: file read error: '" + path + "'";
  if (descriptor_ < 0) fail(what, errno);
  struct stat about {};
  const bool is_file = ::fstat(descriptor_, &about) == 0 && S_ISREG(about.st_mode);
  if (!is_file) {
    ::close(descriptor_);
    throw Error(CLEAT_INVALID, what + ": expected a regular file");
  }
  size_ = static_cast<std::uint64_t>(about.st_size);
}

File::~File() {
  ::close(descriptor_);
}

std::string File::read(std::uint64_t from, std::uint64_t count) const {
  const std::string what = "s3 binding error: file read error: '" + path_ + "'";
  std::string out(count, '\0');
  for (std::uint64_t at = 0; at < count;) {
    const ssize_t got = ::pread(descriptor_, out.data() + at, count - at, static_cast<off_t>(from + at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(what, errno);
    if (got == 0)
      throw Error(CLEAT_CONFLICT, what + ": it became shorter while it was read", CLEAT_RETRYABLE);
    at += static_cast<std::uint64_t>(got);
  }
  return out;
}

void write_file(const std::string& folder, const std::string& path, std::string_view bytes) {
  const std::string what = "s3 binding error: file write error: '" + path + "'";
  const std::size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..")
    throw Error(CLEAT_INVALID, what + ": expected the name of a file at its end");
  const std::string above = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const Descriptor place(open_path(folder, above, O_RDONLY | O_DIRECTORY));
  if (place.get() < 0) fail(what, errno);
  const std::string unfinished = ".cleat-unfinished-" + common::random_uuid();
  const Descriptor file(
      ::openat(place.get(), unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.get() < 0) fail(what, errno);
  try {
    write_all(file.get(), bytes, what);
    if (::fsync(file.get()) != 0 ||
        ::renameat(place.get(), unfinished.c_str(), place.get(), name.c_str()) != 0)
      fail(what, errno);
  } catch (const Error&) {
    ::unlinkat(place.get(), unfinished.c_str(), 0);
    throw;
  }
}

}  // namespace cleat::s3
