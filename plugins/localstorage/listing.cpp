#include "listing.hpp"

#include <cleat/values.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <string_view>

#include "failure.hpp"
#include "unfinished.hpp"

namespace cleat::localstorage {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using OpenFolder = std::unique_ptr<DIR, CloseFolder>;

enum class Kind { folder, other, gone };

Kind kind_of(int folder, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR ? Kind::folder : Kind::other;
  struct stat about {};
  if (::fstatat(folder, entry.d_name, &about, AT_SYMLINK_NOFOLLOW) != 0) return Kind::gone;
  return S_ISDIR(about.st_mode) ? Kind::folder : Kind::other;
}

class Listing {
 public:
  Listing(std::size_t most, std::vector<std::string>& out) : most_(most), out_(out) {}

  void add(Descriptor descriptor, const std::string& prefix, std::size_t depth) {
    const OpenFolder folder(::fdopendir(descriptor.get()));
    if (!folder) fail("unable to list files of '" + prefix + "'");
    const int number = descriptor.release();
    if (depth > kDeepest) {
      throw Error(CLEAT_TOO_LARGE, "folders are nested more than " + std::to_string(kDeepest) + " deep at '" +
                                       prefix + "'; list a folder below");
    }
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(folder.get());
      if (entry == nullptr && errno != 0) fail("unable to list files of '" + prefix + "'");
      if (entry == nullptr) return;
      add_entry(number, *entry, prefix, depth);
    }
  }

 private:
  void add_entry(int folder, const dirent& entry, const std::string& prefix, std::size_t depth) {
    const std::string_view name = entry.d_name;
    if (name == "." || name == ".." || is_unfinished(name)) return;
    const Kind kind = kind_of(folder, entry);
    if (kind == Kind::gone) return;
    if (kind == Kind::folder) {
      const std::string path = prefix + std::string(name) + "/";
      Descriptor below(::openat(folder, entry.d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (below.is_open()) return add(std::move(below), path, depth + 1);
      if (errno != ENOENT) fail("unable to list files of '" + path + "'");
      return;
    }
    if (out_.size() == most_) {
      throw Error(CLEAT_TOO_LARGE, "there are more than " + std::to_string(most_) +
                                       " files (maxListedFiles); list a folder below");
    }
    out_.push_back(prefix + std::string(name));
  }

  const std::size_t most_;
  std::vector<std::string>& out_;
};

}  // namespace

void list_below(Descriptor folder, const std::string& prefix, std::size_t most,
                std::vector<std::string>& out) {
  Listing(most, out).add(std::move(folder), prefix, 0);
}

}  // namespace cleat::localstorage
