#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <cleat/values.hpp>

#include "folder.hpp"

namespace cleat::localstorage {
namespace {

namespace fs = std::filesystem;

class FolderTest : public ::testing::Test {
 protected:
  FolderTest() {
    std::string pattern = (fs::temp_directory_path() / "folder-XXXXXX").string();
    base_ = ::mkdtemp(pattern.data());
    fs::create_directory(base_ / "root");
    std::ofstream(base_ / "secret") << "secret";
  }
  ~FolderTest() override { fs::remove_all(base_); }
  [[nodiscard]] fs::path root() const { return base_ / "root"; }
  [[nodiscard]] Folder folder() const { return Folder(root().string()); }

  static std::string content(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  template <class F>
  static cleat_status status_of(F&& action) {
    try {
      action();
    } catch (const Error& error) {
      EXPECT_STRNE(error.what(), "");
      return error.status;
    }
    return CLEAT_OK;
  }

  fs::path base_;
};

TEST_F(FolderTest, WritesReadsAndReplaces) {
  const Folder files = folder();
  files.write("a/b/c.txt", std::string("old\0bytes", 9));
  EXPECT_EQ(files.read("a/b/c.txt", {}), std::string("old\0bytes", 9));
  files.write("/a/./b//c.txt", "new");
  EXPECT_EQ(content(root() / "a/b/c.txt"), "new");
  EXPECT_EQ(files.list("", 10), std::vector<std::string>{"a/b/c.txt"});
}

TEST_F(FolderTest, ReadsParts) {
  const Folder files = folder();
  files.write("ten", "0123456789");
  EXPECT_EQ(files.read("ten", {2, 3, 0}), "234");
  EXPECT_EQ(files.read("ten", {8, 100, 0}), "89");
  EXPECT_EQ(files.read("ten", {100, 1, 0}), "");
  EXPECT_EQ(files.read("ten", {0, 4, 4}), "0123");
  EXPECT_EQ(status_of([&] { (void)files.read("ten", {0, UINT64_MAX, 9}); }), CLEAT_TOO_LARGE);
}

TEST_F(FolderTest, NoNameLeadsOut) {
  const Folder files = folder();
  for (const char* name : {"../secret", "../../../../secret", "a/../../secret", "/../secret"}) {
    EXPECT_EQ(status_of([&] { (void)files.read(name, {}); }), CLEAT_NOT_FOUND) << name;
    files.write(name, "mine");
    EXPECT_EQ(content(root() / "secret"), "mine") << name;
    files.remove(name);
  }
  EXPECT_EQ(content(base_ / "secret"), "secret");
}

TEST_F(FolderTest, NoLinkLeadsOut) {
  const Folder files = folder();
  fs::create_symlink("../secret", root() / "relative");
  fs::create_symlink(base_ / "secret", root() / "absolute");
  fs::create_directory_symlink(base_, root() / "up");
  EXPECT_EQ(status_of([&] { (void)files.read("relative", {}); }), CLEAT_NOT_FOUND);
  EXPECT_EQ(status_of([&] { (void)files.read("absolute", {}); }), CLEAT_NOT_FOUND);
  EXPECT_EQ(status_of([&] { (void)files.read("up/secret", {}); }), CLEAT_NOT_FOUND);
  files.write("relative", "mine");  // replaces the link
  EXPECT_FALSE(fs::is_symlink(root() / "relative"));
  EXPECT_EQ(content(base_ / "secret"), "secret");
  EXPECT_EQ(status_of([&] { files.write("up/new", "x"); }), CLEAT_NOT_FOUND);
  EXPECT_FALSE(fs::exists(base_ / "new"));
}

TEST_F(FolderTest, SaysWhatIsNoFile) {
  const Folder files = folder();
  ::mkfifo((root() / "pipe").c_str(), 0600);
  files.write("file", "x");
  EXPECT_EQ(status_of([&] { (void)files.read("pipe", {}); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { (void)files.read("", {}); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { (void)files.read("file/below", {}); }), CLEAT_NOT_FOUND);
  EXPECT_EQ(status_of([&] { (void)files.list("file", 10); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { (void)files.list("nothing", 10); }), CLEAT_NOT_FOUND);
  EXPECT_EQ(status_of([&] { files.write("", "x"); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { files.write(std::string("a\0b", 3), "x"); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { files.write(std::string(300, 'n'), "x"); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { files.remove("nothing"); }), CLEAT_NOT_FOUND);
}

TEST_F(FolderTest, RemovesFilesAndEmptyFolders) {
  const Folder files = folder();
  files.write("a/b", "x");
  EXPECT_EQ(status_of([&] { files.remove("a"); }), CLEAT_CONFLICT);
  files.remove("a/b");
  files.remove("a");
  EXPECT_TRUE(fs::is_empty(root()));
}

TEST_F(FolderTest, ListsWithABound) {
  const Folder files = folder();
  for (const char* name : {"b", "a/2", "a/1", ".cleat-unfinished", "\xFF\xFE"})
    files.write(name, "x");
  std::ofstream(root() / "a" / ".cleat-unfinished-7") << "half";
  EXPECT_EQ(files.list("", 5),
            (std::vector<std::string>{".cleat-unfinished", "a/1", "a/2", "b", "\xFF\xFE"}));
  EXPECT_EQ(files.list("a", 5), (std::vector<std::string>{"a/1", "a/2"}));
  EXPECT_EQ(status_of([&] { (void)files.list("", 4); }), CLEAT_TOO_LARGE);
}

/// A disk that is full, played by a bound on the size of a file.
TEST_F(FolderTest, AFullDiskLeavesTheOldFileWhole) {
  const Folder files = folder();
  files.write("file", "old");
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const cleat_status status = status_of([&] { files.write("file", std::string(5000, 'n')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(status, CLEAT_TOO_LARGE);
  EXPECT_EQ(content(root() / "file"), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(root()), {}), 1);
}

TEST_F(FolderTest, RefusesPlacesOfTheSystem) {
  for (const char* path : {"/proc/self/files", "/sys/x", "/boot", "/var/run/secrets/a", "/dev/shm/../x", ""})
    EXPECT_EQ(status_of([&] { Folder refused{path}; }), CLEAT_INVALID) << path;
  fs::create_directory_symlink("/proc", base_ / "disguise");
  EXPECT_EQ(status_of([&] { Folder refused{(base_ / "disguise").string()}; }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { Folder refused{(base_ / "secret").string()}; }), CLEAT_INVALID);
  const Folder made((base_ / "made/new").string());
  EXPECT_TRUE(fs::is_directory(base_ / "made/new"));
}

}  // namespace
}  // namespace cleat::localstorage
