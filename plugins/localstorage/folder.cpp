#include "folder.hpp"

#include <cleat/values.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <random>
#include <system_error>
#include <utility>

#include "common/text.hpp"

namespace cleat::localstorage {
namespace {

constexpr int kDeepest = 64;
constexpr std::string_view kUnfinished = ".cleat-unfinished-";
constexpr std::size_t kBlock = 1 << 16;

std::string reason() {
  return std::generic_category().message(errno);
}

/// What a number of the system means for the caller.
cleat_status status_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return CLEAT_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
      return CLEAT_DENIED;
    case ENAMETOOLONG:
    case EINVAL:
    case EISDIR:
    case ELOOP:
    case EXDEV:
      return CLEAT_INVALID;
    case ENOTEMPTY:
    case EEXIST:
      return CLEAT_CONFLICT;
    case EFBIG:
      return CLEAT_TOO_LARGE;
    default:
      return CLEAT_UNAVAILABLE;
  }
}

[[noreturn]] void fail(const std::string& what) {
  const int error = errno;
  const cleat_status status = status_of(error);
  // A full or a failing disk may be mended.
  throw Error(status, what + ": " + std::generic_category().message(error),
              status == CLEAT_UNAVAILABLE ? CLEAT_RETRYABLE : 0, error);
}

int open_in(int root, const std::string& name, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  if ((flags & O_CREAT) != 0) how.mode = 0666;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const long number = ::syscall(SYS_openat2, root, name.empty() ? "." : name.c_str(), &how, sizeof how);
    // A rename beside the walk makes the kernel give up.
    if (number >= 0 || (errno != EINTR && errno != EAGAIN)) return static_cast<int>(number);
  }
}

bool is_below(std::string_view path, std::string_view folder) {
  return path == folder || (path.size() > folder.size() && path.substr(0, folder.size()) == folder &&
                            path[folder.size()] == '/');
}

void refuse_system_places(const std::string& path) {
  constexpr std::array<std::string_view, 6> kPlaces{
      "/proc", "/sys", "/boot", "/dev", "/var/run/secrets", "/run/secrets"};
  for (const std::string_view place : kPlaces) {
    if (is_below(path, place))
      throw Error(CLEAT_INVALID, "property rootPath points to a disallowed location: " + path);
  }
}

void make_folders(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0777) != 0 && errno != EEXIST) {
      throw Error(CLEAT_INVALID, "property rootPath: cannot make '" + part + "': " + reason() +
                                     "; give a place that can be written to");
    }
    if (end == std::string::npos) return;
  }
}

void write_all(int descriptor, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot write '" + name + "'");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string unfinished_name() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return std::string(kUnfinished) + std::to_string(random());
}

/// A new file in a folder under a name of its own, which goes again unless it is renamed.
struct Unfinished {
  explicit Unfinished(int folder_) : folder(folder_), name(unfinished_name()) {
    file = Descriptor(::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    if (file.is_open() && !is_renamed) ::unlinkat(folder, name.c_str(), 0);
  }
  int folder;
  std::string name;
  Descriptor file;
  bool is_renamed = false;
};

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

std::string_view last_part(std::string_view name) {
  return name.substr(name.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Folder::Folder(const std::string& path) {
  if (path.empty()) throw Error(CLEAT_INVALID, "property rootPath must not be empty");
  std::string absolute = path;
  if (path[0] != '/') {
    const std::unique_ptr<char, decltype(&std::free)> here(::get_current_dir_name(), &std::free);
    absolute = std::string(here ? here.get() : "") + "/" + path;
  }
  // Looked at before anything is made: not even an empty folder belongs there.
  refuse_system_places("/" + clean(absolute));
  struct stat about {};
  if (::stat(absolute.c_str(), &about) == 0 && !S_ISDIR(about.st_mode)) {
    throw Error(CLEAT_INVALID, "property rootPath represents a file and not a directory: " + absolute);
  }
  make_folders(absolute);
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(absolute.c_str(), nullptr), &std::free);
  if (!real) fail("property rootPath: cannot resolve '" + absolute + "'");
  path_ = real.get();
  refuse_system_places(path_);
  root_ = Descriptor(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root_.is_open()) fail("property rootPath: cannot open '" + path_ + "'");
  if (const Descriptor probe(open_in(root_.get(), ".", O_PATH)); !probe.is_open() && errno == ENOSYS) {
    throw Error(
        CLEAT_UNSUPPORTED,
        "this kernel has no openat2 (Linux 5.6 or newer), without which names could lead out of rootPath");
  }
}

std::string Folder::clean(std::string_view name) {
  if (name.find('\0') != std::string_view::npos)
    throw Error(CLEAT_INVALID, "fileName: expected a name without a zero byte");
  std::vector<std::string_view> parts;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, end);
    name.remove_prefix(std::min(end + 1, name.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  std::string out;
  for (const std::string_view part : parts)
    out.append(out.empty() ? "" : "/").append(part);
  return out;
}

Descriptor Folder::open(const std::string& name, int flags) const {
  return Descriptor(open_in(root_.get(), name, flags));
}

Descriptor Folder::open_parent(const std::string& name, bool make) const {
  const std::size_t slash = name.rfind('/');
  const std::string parent = slash == std::string::npos ? "" : name.substr(0, slash);
  Descriptor found = open(parent, O_PATH | O_DIRECTORY);
  if (found.is_open() || !make || errno != ENOENT) return found;
  Descriptor above = open("", O_PATH | O_DIRECTORY);
  for (std::size_t end = parent.find('/');; end = parent.find('/', end + 1)) {
    const std::string part = parent.substr(0, end);
    if (::mkdirat(above.get(), std::string(last_part(part)).c_str(), 0777) != 0 && errno != EEXIST)
      return Descriptor();
    above = open(part, O_PATH | O_DIRECTORY);
    if (!above.is_open() || end == std::string::npos) return above;
  }
}

void Folder::write(std::string_view given, std::string_view bytes) const {
  const std::string name = clean(given);
  if (name.empty())
    throw Error(CLEAT_INVALID, "fileName: expected the name of a file, found '" + std::string(given) + "'");
  if (last_part(name).substr(0, kUnfinished.size()) == kUnfinished) {
    throw Error(CLEAT_INVALID, "fileName: names that begin with " + std::string(kUnfinished) +
                                   " are those of unfinished files");
  }
  const Descriptor parent = open_parent(name, true);
  if (!parent.is_open()) fail("cannot make the folder of '" + name + "'");
  // The folder itself, and not a way to it: what is renamed meanwhile does not matter.
  const Descriptor folder(::openat(parent.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) fail("cannot open the folder of '" + name + "'");
  Unfinished made(folder.get());
  if (!made.file.is_open()) fail("cannot write '" + name + "'");
  write_all(made.file.get(), bytes, name);
  if (::fsync(made.file.get()) != 0) fail("cannot write '" + name + "'");
  if (::renameat(folder.get(), made.name.c_str(), folder.get(), std::string(last_part(name)).c_str()) != 0)
    fail("cannot write '" + name + "'");
  made.is_renamed = true;
  if (::fsync(folder.get()) != 0) fail("'" + name + "' is written, but its folder cannot be");
}

std::string Folder::read(std::string_view given, const Part& part) const {
  const std::string name = clean(given);
  // Not to be held by a pipe that nobody writes to.
  const Descriptor file = open(name, O_RDONLY | O_NONBLOCK);
  if (!file.is_open() && (errno == ENOENT || errno == ENOTDIR))
    throw Error(CLEAT_NOT_FOUND, "file not found: " + path_ + "/" + name);
  struct stat about {};
  if (!file.is_open() || ::fstat(file.get(), &about) != 0) fail("cannot read '" + name + "'");
  if (!S_ISREG(about.st_mode))
    throw Error(CLEAT_INVALID, "'" + name + "' is not a file of bytes: a folder, a pipe or a device");
  const auto size = static_cast<std::uint64_t>(about.st_size);
  const std::uint64_t begin = std::min(part.offset, size), wanted = std::min(part.length, size - begin);
  if (part.most != 0 && wanted > part.most) {
    throw Error(CLEAT_TOO_LARGE, "'" + name + "' has " + std::to_string(wanted) +
                                     " bytes to read, allowed are " + std::to_string(part.most) +
                                     " (maxFileSize); read it in parts with offset and length");
  }
  std::string bytes;
  bytes.resize(wanted);
  std::size_t got = 0;
  while (got < wanted) {
    const ssize_t count =
        ::pread(file.get(), bytes.data() + got, std::min<std::size_t>(wanted - got, kBlock * 16),
                static_cast<off_t>(begin + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("cannot read '" + name + "'");
    if (count == 0) break;  // it became shorter meanwhile
    got += static_cast<std::size_t>(count);
  }
  bytes.resize(got);
  return bytes;
}

void Folder::remove(std::string_view given) const {
  const std::string name = clean(given);
  if (name.empty())
    throw Error(CLEAT_INVALID, "fileName: expected the name of a file, found '" + std::string(given) + "'");
  const Descriptor parent = open_parent(name, false);
  const std::string last(last_part(name));
  if (parent.is_open() && ::unlinkat(parent.get(), last.c_str(), 0) == 0) return;
  if (parent.is_open() && errno == EISDIR && ::unlinkat(parent.get(), last.c_str(), AT_REMOVEDIR) == 0)
    return;
  fail("error deleting file " + path_ + "/" + name);
}

std::vector<std::string> Folder::list(std::string_view given, std::size_t most) const {
  const std::string name = clean(given);
  Descriptor folder = open(name, O_RDONLY | O_DIRECTORY);
  if (!folder.is_open() && errno == ENOTDIR) {
    throw Error(CLEAT_INVALID,
                "unable to list files as the file specified is not a directory: " + path_ + "/" + name);
  }
  if (!folder.is_open()) fail("unable to list files of " + path_ + "/" + name);
  std::vector<std::string> found;
  list_into(folder.release(), name.empty() ? "" : name + "/", most, 0, found);
  std::sort(found.begin(), found.end());
  return found;
}

/// Takes the descriptor over. Symbolic links are listed and not followed.
void Folder::list_into(int descriptor, const std::string& prefix, std::size_t most, int depth,
                       std::vector<std::string>& out) const {
  const std::unique_ptr<DIR, CloseFolder> folder(::fdopendir(descriptor));
  if (!folder) {
    ::close(descriptor);
    fail("unable to list files of '" + prefix + "'");
  }
  if (depth > kDeepest)
    throw Error(CLEAT_TOO_LARGE,
                "folders are nested more than " + std::to_string(kDeepest) + " deep at '" + prefix + "'");
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || name.substr(0, kUnfinished.size()) == kUnfinished) continue;
    struct stat about {};
    if (::fstatat(descriptor, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0) continue;  // gone meanwhile
    if (S_ISDIR(about.st_mode)) {
      const int below = ::openat(descriptor, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (below >= 0) list_into(below, prefix + std::string(name) + "/", most, depth + 1, out);
      continue;
    }
    if (out.size() == most) {
      throw Error(CLEAT_TOO_LARGE, "there are more than " + std::to_string(most) +
                                       " files (maxListedFiles); list a folder below");
    }
    out.push_back(prefix + std::string(name));
  }
}

}  // namespace cleat::localstorage
