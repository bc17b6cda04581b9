#include "unfinished.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cerrno>
#include <random>

#include "common/files.hpp"

namespace cleat::localstorage {
namespace {

constexpr std::string_view kPrefix = ".cleat-unfinished-";

std::string own_name() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return std::string(kPrefix) + std::to_string(random());
}

}  // namespace

bool is_unfinished(std::string_view name) {
  return name.substr(0, kPrefix.size()) == kPrefix;
}

Unfinished::Unfinished(int folder)
    : folder_(folder),
      name_(own_name()),
      file_(::openat(folder, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {}

Unfinished::~Unfinished() {
  if (file_.is_open() && !is_finished_) ::unlinkat(folder_, name_.c_str(), 0);
}

bool Unfinished::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

void Unfinished::take_after(const std::string& name) {
  struct stat about {};
  if (::fstatat(folder_, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(about.st_mode)) return;
  // Only root may give a file away, and a file system may know no permissions: the bytes are worth more than both.
  [[maybe_unused]] const int given = ::fchown(file_.get(), about.st_uid, about.st_gid);
  ::fchmod(file_.get(), about.st_mode & 0777);
}

bool Unfinished::finish(const std::string& name) {
  if (::fsync(file_.get()) != 0) return false;
  if (::renameat(folder_, name_.c_str(), folder_, name.c_str()) != 0) return false;
  is_finished_ = true;
  return common::sync_folder(folder_);
}

}  // namespace cleat::localstorage
