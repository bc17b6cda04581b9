#pragma once

#include <gtest/gtest.h>

#include <cleat/values.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace cleat::localstorage {

namespace fs = std::filesystem;

/// A folder "root" with a file "secret" beside it, which nothing may get at.
struct Place {
  Place() {
    std::string pattern = (fs::temp_directory_path() / "folder-XXXXXX").string();
    base = ::mkdtemp(pattern.data());
    fs::create_directory(base / "root");
    std::ofstream(base / "secret") << "secret";
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { fs::remove_all(base); }
  [[nodiscard]] fs::path root() const { return base / "root"; }
  [[nodiscard]] bool is_secret_whole() const { return content(base / "secret") == "secret"; }

  static std::string content(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  fs::path base;
};

/// The status of the Error that `action` throws.
template <class F>
cleat_status status_of(F&& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_STRNE(error.what(), "");
    return error.status;
  }
  return CLEAT_OK;
}

}  // namespace cleat::localstorage
