#include "resolve.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace cleat::localstorage {
namespace {

/// A rename beside the walk makes the kernel give up a try. Somebody who renames for ever shall not hold us for ever.
constexpr int kMostTries = 1000;

int openat2(int folder, const char* name, int flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
  for (int tries = 1;; ++tries) {
    const long number = ::syscall(SYS_openat2, folder, name, &how, sizeof how);
    if (number >= 0 || (errno != EINTR && errno != EAGAIN) || tries == kMostTries)
      return static_cast<int>(number);
  }
}

/// One part of a name. A symbolic link is ELOOP, whatever kind of thing was wanted.
Descriptor step(int folder, const std::string& part, int flags) {
  Descriptor found(::openat(folder, part.c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
  struct stat about {};
  if (found.is_open()) {
    // O_PATH alone opens the link itself.
    if (::fstat(found.get(), &about) == 0 && !S_ISLNK(about.st_mode)) return found;
    errno = ELOOP;
    return Descriptor();
  }
  const int error = errno;
  const bool is_link =
      ::fstatat(folder, part.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(about.st_mode);
  errno = is_link ? ELOOP : error;
  return found;
}

Descriptor walk(int root, const std::string& name, int flags) {
  Descriptor folder(::openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  std::size_t begin = 0;
  for (std::size_t end = name.find('/'); folder.is_open() && end != std::string::npos;
       begin = end + 1, end = name.find('/', begin)) {
    folder = step(folder.get(), name.substr(begin, end - begin), O_PATH | O_DIRECTORY);
  }
  return folder.is_open() ? step(folder.get(), name.substr(begin), flags) : Descriptor();
}

}  // namespace

Resolution best_resolution(int root) {
  const Descriptor tried(openat2(root, ".", O_PATH, RESOLVE_IN_ROOT));
  // Container engines of that time refuse with EPERM what they do not know.
  return !tried.is_open() && (errno == ENOSYS || errno == EPERM) ? Resolution::by_hand : Resolution::kernel;
}

Descriptor open_below(int root, const std::string& name, int flags, Resolution resolution) {
  if (resolution == Resolution::kernel)
    return Descriptor(openat2(root, name.empty() ? "." : name.c_str(), flags, RESOLVE_IN_ROOT));
  return name.empty() ? Descriptor(::openat(root, ".", flags | O_CLOEXEC)) : walk(root, name, flags);
}

Descriptor open_root(const std::string& path, Resolution resolution) {
  constexpr int kFlags = O_PATH | O_DIRECTORY;
  if (resolution == Resolution::kernel)
    return Descriptor(openat2(AT_FDCWD, path.c_str(), kFlags, RESOLVE_NO_SYMLINKS));
  return Descriptor(::open(path.c_str(), kFlags | O_NOFOLLOW | O_CLOEXEC));
}

}  // namespace cleat::localstorage
