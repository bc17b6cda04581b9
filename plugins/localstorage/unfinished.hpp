#pragma once

#include <string>
#include <string_view>

#include "descriptor.hpp"

namespace cleat::localstorage {

/// Whether a name is that of a file which is being written, or was when its host was killed.
bool is_unfinished(std::string_view name);

/// A new file in a folder under a name of its own, which goes again unless it takes the place of the one that is meant.
class Unfinished {
 public:
  /// `folder` stays open for as long as this. Not open: errno says why.
  explicit Unfinished(int folder);
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished();

  [[nodiscard]] bool is_open() const { return file_.is_open(); }
  /// These return false with errno set.
  [[nodiscard]] bool write(std::string_view bytes);
  /// Gives it the permissions, and where we may the owner, of the file that it is to replace, if there is one.
  void take_after(const std::string& name);
  /// Brings it to the disk, under `name` in its folder.
  [[nodiscard]] bool finish(const std::string& name);

 private:
  int folder_;
  std::string name_;
  Descriptor file_;
  bool is_finished_ = false;
};

}  // namespace cleat::localstorage
