#pragma once

#include <string>

#include "descriptor.hpp"

namespace cleat::localstorage {

/// How a name is followed below a folder.
enum class Resolution {
  kernel,  ///< openat2: the folder is the root of everything, for `..`, absolute names and symbolic links
  by_hand  ///< folder by folder, and no symbolic link is followed: for a kernel without openat2 (before Linux 5.6)
};

/// What this kernel, and the sandbox around the process, can do.
Resolution best_resolution(int root);

/// Opens what `name` means below `root` (a folder; O_PATH is enough), and never anything outside of it, whoever renames
/// what meanwhile. `name` has no empty parts, `.` or `..`; empty means the folder itself. O_CREAT is not among `flags`. Not
/// open: errno says why; with Resolution::by_hand a symbolic link is ELOOP.
Descriptor open_below(int root, const std::string& name, int flags, Resolution resolution);

/// Opens a folder by an absolute path that has no symbolic link in it, for open_below(). One that was put there since is not
/// followed (but on an old kernel: only as the last part).
Descriptor open_root(const std::string& path, Resolution resolution);

}  // namespace cleat::localstorage
