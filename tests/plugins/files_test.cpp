#include <gtest/gtest.h>

#include <cleat/values.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "common/files.hpp"

namespace cleat::common {
namespace {

namespace fs = std::filesystem;

class FilesTest : public ::testing::Test {
 protected:
  FilesTest() {
    std::string name = (fs::temp_directory_path() / "cleat-files-XXXXXX").string();
    base = ::mkdtemp(name.data());
    fs::create_directory(base / "in");
    here.folder = (base / "in").string();
  }
  ~FilesTest() override { fs::remove_all(base); }

  std::string put(const std::string& name, const std::string& bytes) const {
    std::ofstream(base / name) << bytes;
    return (base / name).string();
  }
  std::string text_of(const std::string& name) const {
    const File file(FilePlace{}, (base / name).string());
    return file.read(0, file.size());
  }
  /// The files below everything, without their folders.
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& each : fs::recursive_directory_iterator(base)) {
      if (!each.is_directory()) found.push_back(each.path().filename().string());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  static cleat_status status_of(const std::function<void()>& act) {
    try {
      act();
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).rfind("test: file ", 0), 0U) << error.what();
      return error.status;
    }
    return CLEAT_OK;
  }
  void write_below(const std::string& folder, const std::string& name) const {
    NewFile made(here, folder, name);
    made.write("new");
    made.finish();
  }

  fs::path base;
  FilePlace here{"", "test: "};
};

TEST_F(FilesTest, AFileThatBecomesShorterIsAnError) {
  const File file(FilePlace{}, put("f", "0123456789"));
  EXPECT_EQ(file.size(), 10U);
  EXPECT_EQ(file.read(8, 2), "89");
  EXPECT_THROW(file.read(8, 3), Error);
}

TEST_F(FilesTest, OnlyAFileIsRead) {
  EXPECT_EQ(status_of([&] { File(here, "none"); }), CLEAT_NOT_FOUND);
  EXPECT_EQ(status_of([&] { File(here, "."); }), CLEAT_INVALID);
  ASSERT_EQ(::mkfifo((base / "in/pipe").c_str(), 0600), 0);
  EXPECT_EQ(status_of([&] { File(here, "pipe"); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { File(here, std::string("f\0g", 3)); }), CLEAT_INVALID);
}

TEST_F(FilesTest, AFileIsReplacedWholeOrNotAtAll) {
  const std::string path = put("f", "old");
  {
    NewFile half(FilePlace{}, path);
    half.write("ne");
  }
  EXPECT_EQ(text_of("f"), "old");
  EXPECT_EQ(names(), std::vector<std::string>{"f"});
  NewFile made(FilePlace{}, path);
  made.write("n");
  made.write("ew");
  EXPECT_EQ(text_of("f"), "old");
  made.finish();
  EXPECT_EQ(text_of("f"), "new");
}

TEST_F(FilesTest, NothingIsOutsideOfTheFolder) {
  put("outside", "x");
  fs::create_symlink(base / "outside", base / "in/link");
  fs::create_directory_symlink(base, base / "in/up");
  write_file(here, "g", "inside");
  write_file(here, here.folder + "/h", "inside");
  EXPECT_EQ(File(here, here.folder + "/g").read(0, 6), "inside");
  for (const char* path : {"../outside", "link", "up/outside", "/etc/passwd"})
    EXPECT_EQ(status_of([&] { File(here, path); }), CLEAT_DENIED) << path;
  for (const char* path : {"../g", "up/g", "/tmp/g"})
    EXPECT_EQ(status_of([&] { write_file(here, path, "x"); }), CLEAT_DENIED) << path;
  EXPECT_EQ(status_of([&] { write_file(here, "none/g", "x"); }), CLEAT_NOT_FOUND);
  EXPECT_EQ(status_of([&] { write_file(here, "..", "x"); }), CLEAT_INVALID);
  EXPECT_EQ(names(), (std::vector<std::string>{"g", "h", "link", "outside"}));
}

TEST_F(FilesTest, ANameMakesItsFoldersAndStaysBelowTheOneItIsFor) {
  write_below("d/e", "a/b/c");
  write_below(here.folder + "/d/e/", "a/b/c");
  write_below(here.folder, "top");
  EXPECT_EQ(text_of("in/d/e/a/b/c"), "new");
  EXPECT_EQ(text_of("in/top"), "new");
  fs::create_directory_symlink(base, base / "in/d/up");
  fs::create_symlink(base / "outside", base / "in/d/link");
  for (const char* name : {"../x", "a/../../x", "/x", "a//x", "./x", "", "a/", "..", "a/.."})
    EXPECT_EQ(status_of([&] { write_below("d", name); }), CLEAT_INVALID) << name;
  EXPECT_EQ(status_of([&] { write_below("d", "up/x"); }), CLEAT_NOT_FOUND);
  EXPECT_EQ(status_of([&] { write_below("d", "e/a/b/c/d"); }), CLEAT_NOT_FOUND);
  EXPECT_EQ(status_of([&] { write_below("../d", "x"); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { write_below((base / "other").string(), "x"); }), CLEAT_INVALID);
  write_below("d", "link");  // the link is replaced, not followed
  EXPECT_EQ(names(), (std::vector<std::string>{"c", "link", "top"}));
}

TEST_F(FilesTest, WithoutAFolderAnyPathMayBeMeant) {
  here.folder.clear();
  write_below((base / "far/off").string(), "a/b");
  EXPECT_EQ(text_of("far/off/a/b"), "new");
  EXPECT_EQ(status_of([&] { write_below((base / "far").string(), "../b"); }), CLEAT_INVALID);
}

}  // namespace
}  // namespace cleat::common
