#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cleat::localstorage {

/// The parts of a name that mean something: without empty ones and `.`; `..` takes the part before it away, and goes no
/// further up than to where the name begins.
std::vector<std::string_view> parts_of(std::string_view name);

/// Those of a name with `/` between them.
std::string cleaned(std::string_view name);

/// An absolute path for `rootPath`. Throws Error for an empty one and for what would be in a place of the system (/proc,
/// secrets, ...). Looks at nothing on the disk.
std::string absolute_root(const std::string& root_path);

/// Makes the folder, and those above it, where it is not there, and gives its path without symbolic links. Throws Error for
/// what is no folder and what leads to a place of the system.
std::string make_root(const std::string& absolute);

}  // namespace cleat::localstorage
