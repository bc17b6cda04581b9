#include "root_path.hpp"

#include <cleat/values.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "failure.hpp"

namespace cleat::localstorage {
namespace {

using CText = std::unique_ptr<char, decltype(&std::free)>;

bool is_below(std::string_view path, std::string_view folder) {
  return path == folder || (path.size() > folder.size() && path.substr(0, folder.size()) == folder &&
                            path[folder.size()] == '/');
}

void refuse_system_places(std::string_view path) {
  constexpr std::array<std::string_view, 6> kPlaces{
      "/proc", "/sys", "/boot", "/dev", "/var/run/secrets", "/run/secrets"};
  const bool refused = std::any_of(kPlaces.begin(), kPlaces.end(),
                                   [&](std::string_view place) { return is_below(path, place); });
  if (!refused || is_below(path, "/dev/shm")) return;
  throw Error(CLEAT_INVALID, "property rootPath points to a disallowed location: " + std::string(path));
}

std::string real(const std::string& path) {
  const CText found(::realpath(path.c_str(), nullptr), &std::free);
  if (!found) fail("property rootPath: cannot resolve '" + path + "'");
  return found.get();
}

/// Where a link leads to is looked at first: not even an empty folder belongs into a place of the system.
void make_folder(const std::string& path) {
  refuse_system_places(real(path.substr(0, std::max<std::size_t>(path.rfind('/'), 1))) + "/");
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST)
    fail("property rootPath: cannot make the folder '" + path + "'");
}

}  // namespace

std::vector<std::string_view> parts_of(std::string_view name) {
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
  return parts;
}

std::string cleaned(std::string_view name) {
  std::string out;
  for (const std::string_view part : parts_of(name))
    out.append(out.empty() ? "" : "/").append(part);
  return out;
}

std::string absolute_root(const std::string& root_path) {
  if (root_path.empty()) throw Error(CLEAT_INVALID, "property rootPath must not be empty");
  std::string path = root_path;
  if (path.front() != '/') {
    const CText here(::get_current_dir_name(), &std::free);
    if (!here) fail("property rootPath: '" + root_path + "' is relative to the working directory");
    path = std::string(here.get()) + "/" + path;
  }
  path = "/" + cleaned(path);
  refuse_system_places(path);
  return path;
}

std::string make_root(const std::string& absolute) {
  struct stat about {};
  if (::stat(absolute.c_str(), &about) == 0 && !S_ISDIR(about.st_mode)) {
    throw Error(CLEAT_INVALID, "property rootPath represents a file and not a directory: " + absolute);
  }
  for (std::size_t end = absolute.find('/', 1);; end = absolute.find('/', end + 1)) {
    const std::string part = absolute.substr(0, end);
    if (::stat(part.c_str(), &about) != 0) make_folder(part);
    if (end == std::string::npos) break;
  }
  std::string path = real(absolute);
  refuse_system_places(path);
  return path;
}

}  // namespace cleat::localstorage
