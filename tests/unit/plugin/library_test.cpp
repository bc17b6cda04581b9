#include "plugin/library.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <csignal>
#include <string>

#include "fake_files.hpp"
#include "recording_log.hpp"

namespace cleat {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::fake;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RecordingLog;
using testing::TempFolder;

CatalogueEntry entry_of(const fs::path& file) {
  auto note = read_manifest_note(file);
  EXPECT_TRUE(note) << note.error().text;
  auto manifest = parse_manifest(*note);
  EXPECT_TRUE(manifest) << manifest.error().text;
  return {file, *manifest};
}

std::string fault_of(std::string_view name) {
  RecordingLog log;
  const fs::path file = fake(name);
  const auto opened = open_library(entry_of(file), log);
  if (opened) return "no fault";
  EXPECT_EQ(opened.error().text.find(file.native() + ": expected "), 0U) << opened.error().text;
  return opened.error().text;
}

TEST(Library, GivesTheTableAndRunsTheEntryOnce) {
  RecordingLog log;
  const CatalogueEntry entry = entry_of(fake("echo"));
  const auto first = open_library(entry, log);
  ASSERT_TRUE(first) << first.error().text;
  ASSERT_NE(*first, nullptr);
  EXPECT_EQ((*first)->type_count, 1U);
  EXPECT_EQ(std::string_view((*first)->manifest, (*first)->manifest_len), entry.manifest.text);

  const auto again = open_library(entry, log);
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_EQ(*again, *first);
  ASSERT_EQ(log.count("the entry was called"), 1U);
  EXPECT_EQ(log.lines()[0].field("file"), entry.file.native());
  EXPECT_EQ(log.count("", LogLevel::warn), 0U) << "a plugin that behaves is not complained of";
}

TEST(Library, FindsATypeInAnyCase) {
  RecordingLog log;
  const auto opened = open_library(entry_of(fake("echo")), log);
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_EQ(find_type(**opened, "Bindings.Echo"), (*opened)->types[0]);
  EXPECT_EQ(find_type(**opened, "bindings.kafka"), nullptr);
}

TEST(Library, SaysTheLoadersOwnSentence) {
  EXPECT_THAT(fault_of("unresolved"),
              AllOf(HasSubstr("found \"undefined symbol: cleat_fake_missing_function\": "),
                    HasSubstr("install what is missing")));
}

TEST(Library, NamesWhatTheEntryDoesWrong) {
  EXPECT_THAT(fault_of("no_entry"), HasSubstr("the exported function cleat_entry_v0, found none"));
  EXPECT_THAT(fault_of("entry_null"), HasSubstr("expected a table from cleat_entry_v0, found NULL"));
}

TEST(Library, NamesWhatIsWrongInTheTable) {
  EXPECT_THAT(fault_of("null_types"),
              AllOf(HasSubstr("found a fault (types is NULL)"), HasSubstr("correct the plugin")));
  EXPECT_THAT(fault_of("short_struct"), HasSubstr("its struct_size is 32, at least 56 is needed"));
  EXPECT_THAT(fault_of("short_type"),
              HasSubstr("types[0] (bindings.short_type) has a struct_size of 96, at least 120"));
  EXPECT_THAT(fault_of("wrong_table_abi"), HasSubstr("its interface version is 9.9"));
  EXPECT_THAT(fault_of("manifest_mismatch"), HasSubstr("bytes that are not the"));
  EXPECT_THAT(fault_of("other_types"),
              AllOf(HasSubstr("bindings.unheard-of, which the manifest does not declare"),
                    HasSubstr("bindings.other_types is declared in the manifest and has no table")));
}

TEST(Library, ListsEveryMissingFunction) {
  const std::string fault = fault_of("null_functions");
  for (const std::string_view function : {"create", "init", "start", "stop", "close", "invoke", "begin_input",
                                          "set_window", "settle", "end_input"}) {
    EXPECT_THAT(fault, HasSubstr("bindings.null_functions has no " + std::string(function) + "()"));
  }
  EXPECT_THAT(fault, AllOf(Not(HasSubstr("ping()")), Not(HasSubstr("cancel()")), HasSubstr("10 faults")));
}

TEST(Library, AFailedLoadIsTheErrorAndIsNotTriedAgain) {
  EXPECT_THAT(fault_of("load_fails"),
              HasSubstr("found status 10 (the licence server of this fake is closed)"));
  RecordingLog log;
  const auto again = open_library(entry_of(fake("load_fails")), log);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().text, HasSubstr("the licence server of this fake is closed"));
  EXPECT_EQ(log.count("the entry was called"), 0U);
}

TEST(Library, UndoesWhatAPluginChangesInTheProcess) {
  const std::string locale = std::setlocale(LC_ALL, nullptr);
  const fs::path directory = fs::current_path();
  const mode_t mask = ::umask(0027);
  RecordingLog log;
  const auto opened = open_library(entry_of(fake("changes_process")), log);
  const mode_t mask_after = ::umask(mask);
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_EQ(mask_after, 0027U);
  EXPECT_EQ(fs::current_path(), directory);
  EXPECT_EQ(std::setlocale(LC_ALL, nullptr), locale);
  struct sigaction now {};
  ASSERT_EQ(::sigaction(SIGUSR1, nullptr, &now), 0);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
  for (const std::string_view change : {"misbehaves", "the handler of SIGUSR1", "the locale (\"C.UTF-8\")",
                                        "the umask (000)", "the working directory"}) {
    EXPECT_EQ(log.count(change, LogLevel::warn), 1U) << change;
  }
  EXPECT_EQ(log.count("", LogLevel::warn), 1U);
}

TEST(Library, DoesNotOpenAFileThatIsNoLongerWhatTheCatalogueRead) {
  const TempFolder folder;
  const fs::path file = folder.path() / "bindings.echo.so";
  fs::copy_file(fake("echo"), file);
  const CatalogueEntry entry = entry_of(file);

  const fs::path marker = folder.path() / "marker";
  ASSERT_EQ(::setenv("CLEAT_FAKE_MARKER", marker.c_str(), 1), 0);
  RecordingLog log;
  for (const std::string_view other : {"no_note", "note_not_json"}) {
    fs::copy_file(fake(other), file, fs::copy_options::overwrite_existing);
    const auto opened = open_library(entry, log);
    ASSERT_FALSE(opened) << other;
    EXPECT_THAT(opened.error().text, HasSubstr(file.native()));
    EXPECT_FALSE(fs::exists(marker)) << "code of " << other << " ran";
  }
  ::unsetenv("CLEAT_FAKE_MARKER");
}

TEST(Library, KnowsAFileByAnyNameButNotAReplacedOne) {
  const TempFolder folder;
  const fs::path file = folder.path() / "bindings.echo.so";
  fs::copy_file(fake("echo"), file);
  RecordingLog log;
  const auto first = open_library(entry_of(file), log);
  ASSERT_TRUE(first) << first.error().text;
  fs::create_hard_link(file, folder.path() / "other.so");
  const auto linked = open_library(entry_of(folder.path() / "other.so"), log);
  ASSERT_TRUE(linked) << linked.error().text;
  EXPECT_EQ(*linked, *first);
  EXPECT_EQ(log.count("the entry was called"), 1U);

  fs::copy_file(fake("changes_process"), folder.path() / "new");
  fs::rename(folder.path() / "new", file);
  const auto replaced = open_library(entry_of(file), log);
  ASSERT_FALSE(replaced);
  EXPECT_THAT(replaced.error().text,
              AllOf(HasSubstr("an older file of this path is open"), HasSubstr("restart")));
}

/// The checks alone, on tables from memory.
class Table : public ::testing::Test {
 protected:
  Table() {
    manifest_.text = "{}";
    BindingType type;
    type.type = "bindings.x";
    type.directions = CLEAT_OUT;
    manifest_.types.push_back(type);
    type_.struct_size = sizeof type_;
    type_.type = "bindings.X";
    type_.create = [](const cleat_host*, void**, cleat_error*) -> cleat_status { return CLEAT_OK; };
    type_.init = [](void*, const cleat_config*, cleat_error*) -> cleat_status { return CLEAT_OK; };
    type_.start = type_.stop = [](void*, std::uint64_t, cleat_error*) -> cleat_status { return CLEAT_OK; };
    type_.close = [](void*) {};
    type_.invoke = [](void*, const cleat_request*, cleat_call*) {};
    plugin_.struct_size = sizeof plugin_;
    plugin_.abi_major = CLEAT_ABI_MAJOR;
    plugin_.abi_minor = CLEAT_ABI_MINOR;
    plugin_.manifest = manifest_.text.data();
    plugin_.manifest_len = manifest_.text.size();
    plugin_.types = types_;
    plugin_.type_count = 1;
  }

  std::string fault() const {
    const auto checked = check_plugin_table(&plugin_, manifest_);
    return checked ? "no fault" : checked.error().text;
  }

  Manifest manifest_;
  cleat_binding_type type_{};
  const cleat_binding_type* types_[2] = {&type_, &type_};
  cleat_plugin plugin_{};
};

TEST_F(Table, ThatKeepsTheContractPasses) {
  EXPECT_EQ(fault(), "no fault");
  plugin_.struct_size += 64;
  type_.struct_size += 64;
  EXPECT_EQ(fault(), "no fault") << "a later minor may be longer";
}

TEST_F(Table, NeedsTheFunctionsOfItsDirectionsOnly) {
  type_.invoke = nullptr;
  EXPECT_THAT(fault(), AllOf(HasSubstr("no invoke(), which its manifest's direction \"output\" needs"),
                             Not(HasSubstr("settle"))));
  manifest_.types[0].directions = CLEAT_IN;
  EXPECT_THAT(fault(), AllOf(HasSubstr("no settle(), which its manifest's direction \"input\" needs"),
                             Not(HasSubstr("invoke"))));
}

TEST_F(Table, NamesATypeThatIsTwiceNullOrNameless) {
  plugin_.type_count = 2;
  EXPECT_THAT(fault(), HasSubstr("types[1] is bindings.X a second time"));
  types_[1] = nullptr;
  EXPECT_THAT(fault(), HasSubstr("types[1] is NULL"));
  cleat_binding_type nameless{};
  nameless.struct_size = sizeof nameless;
  types_[1] = &nameless;
  EXPECT_THAT(fault(), HasSubstr("types[1] has no name"));
  plugin_.type_count = 0xffffffff;
  EXPECT_THAT(fault(), HasSubstr("type_count is 4294967295"));
  plugin_.type_count = 0;
  EXPECT_THAT(fault(), HasSubstr("bindings.x is declared in the manifest and has no table"));
}

TEST_F(Table, ListsFaultsOfEveryPart) {
  plugin_.abi_minor = 7;
  plugin_.manifest = nullptr;
  plugin_.types = nullptr;
  EXPECT_THAT(fault(), AllOf(HasSubstr("3 faults"), HasSubstr("version is 0.7"),
                             HasSubstr("manifest is NULL"), HasSubstr("types is NULL")));
}

TEST_F(Table, IsNotReadBeyondItsSize) {
  plugin_.struct_size = sizeof plugin_.struct_size;
  plugin_.abi_minor = 7;
  EXPECT_THAT(fault(), AllOf(HasSubstr("struct_size is 4"), Not(HasSubstr("0.7"))));
}

}  // namespace
}  // namespace cleat
