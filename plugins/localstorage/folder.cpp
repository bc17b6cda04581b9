#include "folder.hpp"

#include <cleat/values.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "common/files.hpp"
#include "failure.hpp"
#include "listing.hpp"
#include "root_path.hpp"
#include "unfinished.hpp"

namespace cleat::localstorage {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;

std::string last_part(const std::string& name) {
  return name.substr(name.rfind('/') + 1);  // npos + 1 is 0
}

std::string parent_of(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? "" : name.substr(0, slash);
}

std::string checked(std::string_view given) {
  if (given.find('\0') != std::string_view::npos)
    throw Error(CLEAT_INVALID, "fileName: expected a name without a zero byte");
  std::string name = cleaned(given);
  if (name.size() >= PATH_MAX) {
    throw Error(CLEAT_INVALID, "fileName: expected less than " + std::to_string(PATH_MAX) + " bytes, found " +
                                   std::to_string(name.size()));
  }
  return name;
}

/// The name of something in the folder, not of the folder itself.
std::string checked_below(std::string_view given) {
  std::string name = checked(given);
  if (name.empty())
    throw Error(CLEAT_INVALID, "fileName: expected the name of a file, found '" + std::string(given) + "'");
  return name;
}

void check_new_name(const std::string& name) {
  if (is_unfinished(last_part(name))) {
    throw Error(CLEAT_INVALID,
                "fileName: '" + last_part(name) + "' is a name for files that are not finished");
  }
  if (static_cast<std::size_t>(std::count(name.begin(), name.end(), '/')) > kDeepest) {
    throw Error(CLEAT_INVALID,
                "fileName: expected at most " + std::to_string(kDeepest) + " folders one inside the other");
  }
}

/// A descriptor that can be brought to the disk, of the folder that one with O_PATH stands for: what is renamed meanwhile
/// does not matter.
Descriptor reopened(const Descriptor& folder) {
  return Descriptor(::openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

std::string read_all(int file, std::uint64_t begin, std::uint64_t wanted, const std::string& name) {
  std::string bytes(wanted, '\0');
  std::size_t got = 0;
  while (got < wanted) {
    const ssize_t count = ::pread(file, bytes.data() + got, std::min<std::size_t>(wanted - got, kBlock),
                                  static_cast<off_t>(begin + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("cannot read '" + name + "'");
    if (count == 0) break;  // it became shorter meanwhile
    got += static_cast<std::size_t>(count);
  }
  bytes.resize(got);
  return bytes;
}

}  // namespace

Folder::Folder(const std::string& root_path) : Folder(root_path, Resolution::kernel) {
  const Descriptor found(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!found.is_open()) fail("property rootPath: cannot open '" + path_ + "'");
  resolution_ = best_resolution(found.get());
}

Folder::Folder(const std::string& root_path, Resolution resolution)
    : path_(make_root(absolute_root(root_path))), resolution_(resolution) {}

Descriptor Folder::root() const {
  Descriptor found = open_root(path_, resolution_);
  if (!found.is_open()) fail("the folder of rootPath, " + path_ + ", cannot be opened");
  return found;
}

/// As Dapr's, a write brings the folder back if somebody has deleted it.
Descriptor Folder::root_made_again() const {
  if (Descriptor found = open_root(path_, resolution_); found.is_open() || errno != ENOENT) return found;
  make_root(path_);
  return root();
}

void Folder::check() const {
  [[maybe_unused]] const Descriptor found = root();
}

/// The folder that `name` is to be in, open for fsync. Each folder that is made is brought to the disk with its name.
Descriptor Folder::make_parent(const std::string& name) const {
  const Descriptor root = root_made_again();
  if (!root.is_open()) fail("the folder of rootPath, " + path_ + ", cannot be opened");
  const std::string parent = parent_of(name);
  Descriptor found = open_below(root.get(), parent, O_RDONLY | O_DIRECTORY, resolution_);
  if (!found.is_open() && errno == ENOENT) {
    found = reopened(root);
    for (std::size_t end = parent.find('/'); found.is_open(); end = parent.find('/', end + 1)) {
      const std::string path = parent.substr(0, end);
      const bool is_made = ::mkdirat(found.get(), last_part(path).c_str(), 0777) == 0;
      if ((!is_made && errno != EEXIST) || (is_made && !common::sync_folder(found.get())))
        fail("cannot make the folder '" + path + "'");
      found = open_below(root.get(), path, O_RDONLY | O_DIRECTORY, resolution_);
      if (end == std::string::npos) break;
    }
  }
  if (!found.is_open()) fail("cannot open the folder of '" + name + "'");
  return found;
}

void Folder::write(std::string_view given, std::string_view bytes) const {
  const std::string name = checked_below(given);
  check_new_name(name);
  const Descriptor parent = make_parent(name);
  Unfinished made(parent.get());
  if (!made.is_open()) fail("cannot write '" + name + "'");
  made.take_after(last_part(name));  // before there is something to read
  if (!made.write(bytes)) fail("cannot write '" + name + "'");
  if (!made.finish(last_part(name))) fail("cannot write '" + name + "'");
}

Content Folder::read(std::string_view given, const Part& part) const {
  const std::string name = checked(given);
  // Not to be held by a pipe that nobody writes to.
  const Descriptor file = open_below(root().get(), name, O_RDONLY | O_NONBLOCK | O_NOCTTY, resolution_);
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
  return {read_all(file.get(), begin, wanted, name), size};
}

void Folder::remove(std::string_view given) const {
  const std::string name = checked_below(given), last = last_part(name);
  const Descriptor parent = open_below(root().get(), parent_of(name), O_RDONLY | O_DIRECTORY, resolution_);
  if (!parent.is_open()) fail("error deleting file " + path_ + "/" + name);
  const bool is_gone = ::unlinkat(parent.get(), last.c_str(), 0) == 0 ||
                       (errno == EISDIR && ::unlinkat(parent.get(), last.c_str(), AT_REMOVEDIR) == 0);
  if (!is_gone || !common::sync_folder(parent.get())) fail("error deleting file " + path_ + "/" + name);
}

std::vector<std::string> Folder::list(std::string_view given, std::size_t most) const {
  const std::string name = checked(given);
  Descriptor folder = open_below(root().get(), name, O_RDONLY | O_DIRECTORY, resolution_);
  if (!folder.is_open() && errno == ENOTDIR) {
    throw Error(CLEAT_INVALID,
                "unable to list files as the file specified is not a directory: " + path_ + "/" + name);
  }
  if (!folder.is_open()) fail("unable to list files of " + path_ + "/" + name);
  std::vector<std::string> found;
  list_below(std::move(folder), name.empty() ? "" : name + "/", most, found);
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace cleat::localstorage
