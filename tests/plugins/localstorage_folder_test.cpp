#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "folder.hpp"
#include "plugins/localstorage_fixture.hpp"
#include "root_path.hpp"

namespace cleat::localstorage {
namespace {

/// Both ways to follow a name keep the same promises.
class FolderTest : public ::testing::TestWithParam<Resolution> {
 protected:
  [[nodiscard]] Folder folder() const { return {place.root().string(), GetParam()}; }
  [[nodiscard]] fs::path root() const { return place.root(); }

  Place place;
};

bool kernel_can() {
  const Descriptor here(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  return best_resolution(here.get()) == Resolution::kernel;
}

std::vector<Resolution> resolutions() {
  if (!kernel_can()) return {Resolution::by_hand};  // an old kernel, or a sandbox that refuses openat2
  return {Resolution::kernel, Resolution::by_hand};
}

INSTANTIATE_TEST_SUITE_P(Each, FolderTest, ::testing::ValuesIn(resolutions()), [](const auto& how) {
  return how.param == Resolution::kernel ? "kernel" : "by_hand";
});

TEST_P(FolderTest, WritesReadsAndReplaces) {
  const Folder files = folder();
  files.write("a/b/c.txt", std::string("old\0bytes", 9));
  EXPECT_EQ(files.read("a/b/c.txt", {}).bytes, std::string("old\0bytes", 9));
  files.write("/a/./b//c.txt", "new");
  EXPECT_EQ(Place::content(root() / "a/b/c.txt"), "new");
  files.write("a/b/d", "");
  EXPECT_EQ(files.read("a/b/d", {}).bytes, "");
  EXPECT_EQ(files.list("", 10), (std::vector<std::string>{"a/b/c.txt", "a/b/d"}));
}

TEST_P(FolderTest, ReadsParts) {
  const Folder files = folder();
  files.write("ten", "0123456789");
  EXPECT_EQ(files.read("ten", {2, 3, 0}).bytes, "234");
  EXPECT_EQ(files.read("ten", {8, 100, 0}).bytes, "89");
  EXPECT_EQ(files.read("ten", {100, 1, 0}).bytes, "");
  EXPECT_EQ(files.read("ten", {100, 1, 0}).file_size, 10U);
  EXPECT_EQ(files.read("ten", {0, 4, 4}).bytes, "0123");
  EXPECT_EQ(status_of([&] { (void)files.read("ten", {0, UINT64_MAX, 9}); }), CLEAT_TOO_LARGE);
}

TEST_P(FolderTest, NoNameLeadsOut) {
  const Folder files = folder();
  for (const char* name : {"../secret", "../../../../secret", "a/../../secret", "/../secret"}) {
    EXPECT_EQ(status_of([&] { (void)files.read(name, {}); }), CLEAT_NOT_FOUND) << name;
    files.write(name, "mine");
    EXPECT_EQ(Place::content(root() / "secret"), "mine") << name;
    files.remove(name);
  }
  EXPECT_TRUE(place.is_secret_whole());
}

TEST_P(FolderTest, NoLinkLeadsOut) {
  const Folder files = folder();
  fs::create_symlink("../secret", root() / "relative");
  fs::create_symlink(place.base / "secret", root() / "absolute");
  fs::create_directory_symlink(place.base, root() / "up");
  fs::create_directory_symlink("/proc/self/root", root() / "magic");
  const std::string by_magic = "magic" + (place.base / "secret").string();
  for (const std::string& name :
       {std::string("relative"), std::string("absolute"), std::string("up/secret"), by_magic}) {
    EXPECT_NE(status_of([&] { (void)files.read(name, {}); }), CLEAT_OK) << name;
  }
  for (const char* name : {"up", "magic"}) {
    EXPECT_NE(status_of([&] { (void)files.list(name, 10); }), CLEAT_OK) << name;
    EXPECT_NE(status_of([&] { files.write(std::string(name) + "/new", "x"); }), CLEAT_OK) << name;
  }
  EXPECT_NE(status_of([&] { files.remove("up/secret"); }), CLEAT_OK);
  files.write("relative", "mine");  // replaces the link
  EXPECT_FALSE(fs::is_symlink(root() / "relative"));
  EXPECT_EQ(files.list("", 10), (std::vector<std::string>{"absolute", "magic", "relative", "up"}));
  files.remove("absolute");
  EXPECT_TRUE(place.is_secret_whole());
  EXPECT_FALSE(fs::exists(place.base / "new"));
}

TEST(FolderByKernel, LinksInsideAreFollowed) {
  if (!kernel_can()) return;
  const Place place;
  const Folder files(place.root().string(), Resolution::kernel);
  files.write("real/file", "x");
  fs::create_directory_symlink("/real", place.root() / "link");
  EXPECT_EQ(files.read("link/file", {}).bytes, "x");
  files.write("link/more", "y");
  EXPECT_EQ(files.list("link", 10), (std::vector<std::string>{"link/file", "link/more"}));
  EXPECT_EQ(files.list("", 10), (std::vector<std::string>{"link", "real/file", "real/more"}));
}

TEST(FolderByHand, ALinkIsSaidToBeOne) {
  const Place place;
  const Folder files(place.root().string(), Resolution::by_hand);
  files.write("real/file", "x");
  fs::create_directory_symlink("real", place.root() / "link");
  EXPECT_EQ(status_of([&] { (void)files.read("link/file", {}); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { files.write("link/more", "y"); }), CLEAT_INVALID);
}

TEST_P(FolderTest, SaysWhatIsNoFile) {
  const Folder files = folder();
  ::mkfifo((root() / "pipe").c_str(), 0600);
  files.write("file", "x");
  EXPECT_EQ(status_of([&] { (void)files.read("pipe", {}); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { (void)files.read("", {}); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { (void)files.read("file/below", {}); }), CLEAT_NOT_FOUND);
  EXPECT_EQ(status_of([&] { files.write("file/below", "x"); }), CLEAT_NOT_FOUND);
  EXPECT_EQ(status_of([&] { (void)files.list("file", 10); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { (void)files.list("nothing", 10); }), CLEAT_NOT_FOUND);
  EXPECT_EQ(status_of([&] { files.write("", "x"); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { files.write("..", "x"); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { files.remove("nothing"); }), CLEAT_NOT_FOUND);
  EXPECT_EQ(status_of([&] { files.remove("/"); }), CLEAT_INVALID);
  files.write("pipe", "no pipe any more");
  EXPECT_EQ(files.read("pipe", {}).bytes, "no pipe any more");
}

TEST_P(FolderTest, RefusesNamesThatCannotBe) {
  const Folder files = folder();
  const std::string zero("a\0b", 3), long_part(300, 'n');
  std::string long_path, deep;
  for (int i = 0; i < 60; ++i)
    long_path += std::string(200, 'd') + "/";
  for (int i = 0; i < 65; ++i)
    deep += "d/";
  for (const std::string& name : {zero, long_part, long_path + "f", deep + "f", long_part + "/f",
                                  std::string(".cleat-unfinished-1"), std::string("a/.cleat-unfinished-1")}) {
    EXPECT_EQ(status_of([&] { files.write(name, "x"); }), CLEAT_INVALID) << name.substr(0, 40);
  }
  EXPECT_EQ(status_of([&] { (void)files.read(zero, {}); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { (void)files.read(long_part, {}); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { files.remove(long_part); }), CLEAT_INVALID);
  for (const std::string& name : {std::string("\xFF\xFE"), std::string("new\nline"), std::string(" "),
                                  std::string("..."), std::string(255, 'n')}) {
    files.write(name, name);
    EXPECT_EQ(Place::content(root() / name), name);
  }
}

TEST_P(FolderTest, RemovesFilesAndEmptyFolders) {
  const Folder files = folder();
  files.write("a/b", "x");
  EXPECT_EQ(status_of([&] { files.remove("a"); }), CLEAT_CONFLICT);
  files.remove("a/b");
  files.remove("a");
  EXPECT_TRUE(fs::is_empty(root()));
}

TEST_P(FolderTest, ListsAllOrSaysWhyNot) {
  const Folder files = folder();
  for (const char* name : {"b", "a/2", "a/1", ".cleat-unfinished", "\xFF\xFE"})
    files.write(name, "x");
  std::ofstream(root() / "a" / ".cleat-unfinished-7") << "half";
  fs::create_directories(root() / "empty");
  EXPECT_EQ(files.list("", 5),
            (std::vector<std::string>{".cleat-unfinished", "a/1", "a/2", "b", "\xFF\xFE"}));
  EXPECT_EQ(files.list("a", 5), (std::vector<std::string>{"a/1", "a/2"}));
  EXPECT_EQ(files.list("empty", 5), std::vector<std::string>{});
  EXPECT_EQ(status_of([&] { (void)files.list("", 4); }), CLEAT_TOO_LARGE);
  fs::path deep = root();
  for (int i = 0; i < 66; ++i)
    deep /= "d";
  fs::create_directories(deep);
  EXPECT_EQ(status_of([&] { (void)files.list("", 100); }), CLEAT_TOO_LARGE);
  EXPECT_EQ(files.list("d/d/d", 100), std::vector<std::string>{});
}

TEST_P(FolderTest, AReplacedFileKeepsItsPermissions) {
  const Folder files = folder();
  files.write("file", "old");
  fs::permissions(root() / "file", fs::perms(0640));
  const bool is_root = ::chown((root() / "file").c_str(), 1234, 2345) == 0;
  files.write("file", "new");
  struct stat about {};
  ASSERT_EQ(::stat((root() / "file").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777U, 0640U);
  if (is_root) {
    EXPECT_EQ(about.st_uid, 1234U);
    EXPECT_EQ(about.st_gid, 2345U);
  }
}

TEST_P(FolderTest, TheRootIsLookedUpAnew) {
  const Folder files = folder();
  files.write("file", "x");
  fs::rename(root(), place.base / "moved");
  EXPECT_EQ(status_of([&] { (void)files.read("file", {}); }), CLEAT_NOT_FOUND);
  EXPECT_EQ(status_of([&] { files.check(); }), CLEAT_NOT_FOUND);
  files.write("a/file", "y");
  EXPECT_EQ(Place::content(root() / "a/file"), "y");
  files.check();
  fs::remove_all(root());
  fs::create_directory_symlink("moved", root());
  EXPECT_NE(status_of([&] { (void)files.read("file", {}); }), CLEAT_OK) << "a link that was put there since";
}

/// A disk that is full, played by a bound on the size of a file.
TEST_P(FolderTest, AFullDiskLeavesTheOldFileWhole) {
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
  EXPECT_EQ(Place::content(root() / "file"), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(root()), {}), 1);
}

TEST(RootPath, RefusesPlacesOfTheSystem) {
  const Place place;
  for (const char* path : {"/proc/self/files", "/sys/x", "/boot", "/var/run/secrets/a", "/dev/shm/../x",
                           "/tmp/../proc", "//proc", ""}) {
    EXPECT_EQ(status_of([&] { (void)absolute_root(path); }), CLEAT_INVALID) << path;
  }
  EXPECT_EQ(absolute_root("/dev/shm/files"), "/dev/shm/files");
  EXPECT_EQ(absolute_root("/process/./a//b/"), "/process/a/b");
  EXPECT_EQ(absolute_root("files"), (fs::current_path() / "files").string());
}

TEST(RootPath, RefusesWhatALinkLeadsTo) {
  const Place place;
  fs::create_directory_symlink("/dev", place.base / "disguise");
  EXPECT_EQ(status_of([&] { Folder refused((place.base / "disguise").string()); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { Folder refused((place.base / "disguise/cleat-new").string()); }), CLEAT_INVALID);
  EXPECT_FALSE(fs::exists("/dev/cleat-new"));
  EXPECT_EQ(status_of([&] { Folder refused((place.base / "secret").string()); }), CLEAT_INVALID);
  EXPECT_EQ(status_of([&] { Folder refused((place.base / "secret/below").string()); }), CLEAT_NOT_FOUND);
}

TEST(RootPath, MakesTheFolder) {
  const Place place;
  fs::create_directory_symlink("root", place.base / "link");
  const Folder made((place.base / "link/new/folder").string());
  EXPECT_EQ(made.path(), (fs::canonical(place.base) / "root/new/folder").string());
  EXPECT_TRUE(fs::is_directory(place.root() / "new/folder"));
}

}  // namespace
}  // namespace cleat::localstorage
