#include "plugin/catalogue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "base/text.hpp"
#include "fake_files.hpp"

namespace cleat {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::fake;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::read_bytes;
using testing::TempFolder;

class CatalogueTest : public ::testing::Test {
 protected:
  Catalogue scan(const ReservedName& reserved = {}) { return Catalogue::scan({folder_.path()}, reserved); }

  /// The good plugin under this name, with its version, which has five characters, replaced.
  fs::path install(std::string_view name, std::string_view version = "1.0.0", std::string_view tail = "") {
    std::string bytes = good_;
    constexpr std::string_view kVersion = "\"version\": \"1.0.0\"";
    const auto at = bytes.find(kVersion);
    EXPECT_NE(at, std::string::npos);
    bytes.replace(at + kVersion.size() - 6, version.size(), version);
    return folder_.write(name, bytes + std::string(tail));
  }

  static std::vector<std::string> sentences(const Catalogue& catalogue) {
    std::vector<std::string> all;
    for (const auto& reject : catalogue.rejects()) {
      EXPECT_THAT(reject.sentence, HasSubstr(reject.file.native()));
      all.push_back(reject.sentence);
    }
    return all;
  }

  TempFolder folder_;
  const std::string good_ = read_bytes(fake("echo"));
};

TEST_F(CatalogueTest, FindsAPluginByItsTypeInAnyCase) {
  const fs::path file = install("bindings.echo.so");
  const Catalogue catalogue = scan();
  EXPECT_THAT(catalogue.rejects(), IsEmpty());
  EXPECT_THAT(catalogue.warnings(), IsEmpty());
  const BindingType* type = nullptr;
  const CatalogueEntry* entry = catalogue.find("Bindings.ECHO", &type);
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->file, file);
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(type->type, "bindings.echo");
  EXPECT_EQ(catalogue.find("bindings.ech", &type), nullptr);
  EXPECT_EQ(catalogue.find("bindings.echo", nullptr), entry);
}

TEST_F(CatalogueTest, EveryEntryThatEndsInSoGetsItsSentence) {
  install("bindings.echo.so");
  folder_.write("a-empty.so", "");
  folder_.write("b-text.so", "hello");
  fs::create_directory(folder_.path() / "c-folder.so");
  fs::create_symlink("nowhere", folder_.path() / "d-dangling.so");
  ASSERT_EQ(::mkfifo((folder_.path() / "e-fifo.so").c_str(), 0600), 0);
  fs::copy_file(fake("no_note"), folder_.path() / "f-no-note.so");
  fs::copy_file(fake("note_not_json"), folder_.path() / "g-not-json.so");
  fs::copy_file(fake("wrong_abi"), folder_.path() / "h-wrong-abi.so");
  folder_.write("i-cut.so", std::string_view(good_).substr(0, 3000));
  folder_.write("readme.txt", "not looked at");

  const Catalogue catalogue = scan();
  EXPECT_EQ(catalogue.entries().size(), 1U) << "the others do not harm the good one";
  EXPECT_THAT(sentences(catalogue),
              ElementsAre(HasSubstr("an empty file"), HasSubstr("no shared object"), HasSubstr("a folder"),
                          HasSubstr("a dangling link to nowhere"), HasSubstr("a FIFO"),
                          HasSubstr("without one"), HasSubstr("found no JSON"),
                          HasSubstr("found 9.9, which is newer"), HasSubstr("cut short")));
}

TEST_F(CatalogueTest, ADirectoryThatIsNoneGetsItsSentence) {
  const fs::path file = folder_.write("file", "x");
  const fs::path good = folder_.path() / "good";
  fs::create_directory(good);
  fs::copy_file(fake("echo"), good / "bindings.echo.so");
  const Catalogue catalogue = Catalogue::scan({folder_.path() / "absent", file, good});
  EXPECT_THAT(sentences(catalogue),
              ElementsAre(AllOf(HasSubstr("found nothing"), HasSubstr("create it or correct")),
                          AllOf(HasSubstr("found a file"), HasSubstr("correct --plugin-dir"))));
  EXPECT_EQ(catalogue.entries().size(), 1U);
}

TEST_F(CatalogueTest, ANameThatSaysSomethingElseIsAWarning) {
  install("kafka.so");
  EXPECT_THAT(scan().warnings(),
              ElementsAre(AllOf(HasSubstr("name says \"kafka\""), HasSubstr("bindings.echo.so"))));
  fs::rename(folder_.path() / "kafka.so", folder_.path() / "bindings.echo@2.0.0.so");
  EXPECT_THAT(scan().warnings(),
              ElementsAre(AllOf(HasSubstr("version 2.0.0"), HasSubstr("bindings.echo@1.0.0.so"))));
  fs::rename(folder_.path() / "bindings.echo@2.0.0.so", folder_.path() / "bindings.echo@1.0.0.so");
  EXPECT_THAT(scan().warnings(), IsEmpty());
  EXPECT_EQ(scan().entries().size(), 1U);
}

TEST_F(CatalogueTest, TheHighestVersionWins) {
  install("bindings.echo@9.0.0.so", "9.0.0");
  const fs::path newest = install("bindings.echo@10.00.so", "10.00");
  install("bindings.echo.so", "1.0.0");
  const Catalogue catalogue = scan();
  EXPECT_EQ(catalogue.find("bindings.echo", nullptr)->file, newest);
  EXPECT_THAT(catalogue.warnings(),
              ElementsAre(HasSubstr("version 9.0.0 of bindings.echo is passed over for 10.00"),
                          HasSubstr("version 1.0.0 of bindings.echo is passed over for 10.00")));
}

TEST_F(CatalogueTest, EqualVersionsWithOtherBytesAreRefusedBoth) {
  const fs::path one = install("bindings.echo.so");
  const fs::path two = install("bindings.echo@1.0.0.so", "1.0.0", "another tail");
  const Catalogue catalogue = scan();
  EXPECT_EQ(catalogue.find("bindings.echo", nullptr), nullptr);
  EXPECT_THAT(sentences(catalogue),
              ElementsAre(AllOf(HasSubstr("neither is used"), HasSubstr("remove one of them")),
                          HasSubstr("neither is used")));
  ASSERT_EQ(catalogue.rejects().size(), 2U);
  EXPECT_THAT(catalogue.rejects()[0].sentence, AllOf(HasSubstr(one.native()), HasSubstr(two.native())));
}

TEST_F(CatalogueTest, ACopyIsUsedOnce) {
  const fs::path one = install("bindings.echo.so");
  install("bindings.echo@1.0.0.so");
  const Catalogue catalogue = scan();
  EXPECT_THAT(catalogue.rejects(), IsEmpty());
  EXPECT_EQ(catalogue.find("bindings.echo", nullptr)->file, one);
  EXPECT_THAT(catalogue.warnings(), ElementsAre(HasSubstr("a copy of " + one.native())));
}

TEST_F(CatalogueTest, AFileIsReadOnceWhateverItsNames) {
  const fs::path real = install("bindings.echo@1.0.0.so");
  fs::create_symlink(real, folder_.path() / "bindings.echo.so");
  const Catalogue catalogue = Catalogue::scan({folder_.path(), folder_.path() / "."});
  ASSERT_EQ(catalogue.entries().size(), 1U);
  EXPECT_EQ(catalogue.entries()[0].file, real);
  EXPECT_EQ(catalogue.warnings().size(), 3U) << "the other name, and both in the directory's second naming";
}

TEST_F(CatalogueTest, AFieldOfTheHostsOwnIsARejection) {
  install("bindings.echo.so");
  const Catalogue catalogue = scan([](std::string_view name) { return iequals(name, "prefix"); });
  EXPECT_THAT(sentences(catalogue), ElementsAre(HasSubstr("\"prefix\" is a field of the host's own")));
}

}  // namespace
}  // namespace cleat
