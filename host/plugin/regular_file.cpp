#include "plugin/regular_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace cleat {
namespace {

namespace fs = std::filesystem;

Error not_regular(mode_t mode) {
  const char* kind = "something that is not a regular file";
  if (S_ISDIR(mode)) kind = "a folder";
  if (S_ISFIFO(mode)) kind = "a FIFO";
  if (S_ISSOCK(mode)) kind = "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) kind = "a device";
  return fail(fmt::format("{}: remove it from the plugin directory", kind));
}

Error not_readable(int error) {
  const bool denied = error == EACCES || error == EPERM;
  return fail(fmt::format(
      "that it cannot be read ({}): {}", std::generic_category().message(error),
      denied ? "let the host's user read the file and enter its folders" : "check the file and its folders"));
}

Error unresolved(const fs::path& file, int error) {
  std::error_code ignored;
  if (fs::is_symlink(fs::symlink_status(file, ignored))) {
    if (error == ELOOP) return fail("a link that leads back to itself: remove the link");
    if (error == ENOENT || error == ENOTDIR) {
      return fail(fmt::format("a dangling link to {}: remove the link or put the file there",
                              fs::read_symlink(file, ignored).native()));
    }
  }
  if (error == ENOENT || error == ENOTDIR) return fail("nothing: check the path");
  return not_readable(error);
}

}  // namespace

Result<RegularFile> RegularFile::open(const fs::path& file) {
  std::error_code error;
  const fs::path real = fs::canonical(file, error);
  if (error) return unresolved(file, error.value());
  struct stat status {};
  if (::stat(real.c_str(), &status) != 0) return not_readable(errno);
  // Asked before opening, because to open a device may already do something.
  if (!S_ISREG(status.st_mode)) return not_regular(status.st_mode);

  const int fd = ::open(real.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return not_readable(errno);
  RegularFile opened(fd, 0);
  if (::fstat(fd, &status) != 0) return not_readable(errno);
  if (!S_ISREG(status.st_mode)) return not_regular(status.st_mode);
  opened.size_ = static_cast<std::uint64_t>(status.st_size);
  return opened;
}

RegularFile::RegularFile(RegularFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

RegularFile::~RegularFile() {
  if (fd_ >= 0) ::close(fd_);
}

// pread and not mmap: a file that is cut short while we look is a failed read, not a SIGBUS.
bool RegularFile::read(std::uint64_t offset, void* to, std::uint64_t bytes) const {
  if (!has(offset, bytes)) return false;
  auto* out = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t got = ::pread(fd_, out, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::uint64_t>(got);
  }
  return true;
}

}  // namespace cleat
