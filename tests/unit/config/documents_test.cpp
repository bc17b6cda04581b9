#include "config/documents.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "temp_folder.hpp"

namespace cleat {
namespace {

using testing::HasSubstr;

TEST(Documents, SplitAtSeparatorLinesWithTheirLineNumbers) {
  const auto documents =
      split_documents("---\na: 1\n---\n# nothing\n---\nb: 2\n--- # remark\nc: 3\n...\nd: 4\n");
  ASSERT_EQ(documents.size(), 4U);
  EXPECT_EQ(documents[0].line, 1U);
  EXPECT_EQ(documents[0].text, "\na: 1\n");
  EXPECT_EQ(documents[1].line, 5U);
  EXPECT_EQ(documents[1].text, "\nb: 2\n");
  EXPECT_EQ(documents[2].line, 7U);
  EXPECT_EQ(documents[2].text, "\nc: 3\n");
  EXPECT_EQ(documents[3].text, "\nd: 4\n");
}

TEST(Documents, LineNumbersCountTheSeparatorItself) {
  const auto documents = split_documents("a: 1\n---\nb: 2\n");
  ASSERT_EQ(documents.size(), 2U);
  EXPECT_EQ(documents[1].line, 2U) << "the line of the separator";
  EXPECT_EQ(documents[1].text.find("b: 2"), 1U) << "so that b stands in line 3";
}

TEST(Documents, KeepAMappingBehindTheSeparator) {
  const auto documents = split_documents("--- {a: 1}\n--- words\nb: 2\n");
  ASSERT_EQ(documents.size(), 2U);
  EXPECT_THAT(documents[0].text, HasSubstr("{a: 1}"));
  EXPECT_EQ(documents[1].text, "\nb: 2\n");
}

TEST(Documents, LastSeparatorMayHaveBlanksAndNoLineEnd) {
  for (const char* end : {"---", "---   ", "--- \t", "---\r\n", "---\n\n"}) {
    const auto documents = split_documents(std::string("a: 1\n") + end);
    ASSERT_EQ(documents.size(), 1U) << end;
    EXPECT_EQ(documents[0].text, "a: 1\n") << end;
  }
}

TEST(Documents, DashesThatAreNoSeparatorStay) {
  const auto documents = split_documents("a: |\n  ---\n  -----BEGIN\nb: 1\n...c: 2\n");
  ASSERT_EQ(documents.size(), 1U);
}

TEST(Documents, AnyLineOfThreeDashesAndMoreSeparates) {
  const auto documents = split_documents("a: 1\n----------\nb: 2\n---# the third\nc: 3\n");
  ASSERT_EQ(documents.size(), 3U);
  EXPECT_EQ(documents[2].text, "\nc: 3\n");
}

TEST(Documents, MarkOfByteOrderAndForeignLineEndsDoNotMatter) {
  const auto documents = split_documents(
      "\xEF\xBB\xBF"
      "a: 1\r\n---\r\nb: 2\r\n");
  ASSERT_EQ(documents.size(), 2U);
  EXPECT_EQ(documents[0].text, "a: 1\n");
  EXPECT_EQ(documents[1].text, "\nb: 2\n");
}

TEST(Documents, NothingComesOfNothing) {
  for (const char* text : {"", "\n", "---", "---\n---\n", "# remark", "\xEF\xBB\xBF"}) {
    EXPECT_TRUE(split_documents(text).empty()) << text;
  }
}

TEST(Documents, OneThatIsNoTextKeepsItsPlaceAndSaysWhy) {
  const auto documents =
      split_documents(std::string("a: 1\n---\nx\ny: \0\n---\nz: \xFFq\n---\nb: \x04\n", 34));
  ASSERT_EQ(documents.size(), 4U);
  EXPECT_EQ(documents[0].fault, "");
  EXPECT_THAT(documents[1].fault, HasSubstr("line 4 holds the control character 0x00"));
  EXPECT_THAT(documents[2].fault, HasSubstr("line 6 holds the byte 0xff"));
  EXPECT_THAT(documents[3].fault, HasSubstr("0x04"));
}

TEST(Documents, OnlyWholeCharactersAreText) {
  for (const char* text : {"a: \xC3\xA4", "a: \xE2\x82\xAC", "a: \xF0\x9F\x98\x80"}) {
    EXPECT_EQ(split_documents(text).at(0).fault, "") << text;
  }
  for (const char* text : {"\xC3", "\xC0\x80", "\xE2\x82", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                           "\xF5\x80\x80\x80", "\x80", "\xF0\x80\x80\x80"}) {
    EXPECT_NE(split_documents(text).at(0).fault, "");
  }
}

TEST(Documents, OneThatIsTooLargeLeavesItsSiblingsAlone) {
  const std::string large = "a: " + std::string(2 << 20, 'x') + "\n";
  const auto documents = split_documents("b: 1\n---\n" + large + "---\nc: 1\n");
  ASSERT_EQ(documents.size(), 3U);
  EXPECT_THAT(documents[1].fault, HasSubstr("larger than 1 MiB"));
  EXPECT_EQ(documents[1].text, "");
  EXPECT_EQ(documents[2].fault, "");
  EXPECT_EQ(documents[2].line, 4U);
}

TEST(Documents, LongLinesAreNoTrouble) {
  const auto documents = split_documents("a: " + std::string(100'000, 'x') + "\n---\nb: 1\n");
  ASSERT_EQ(documents.size(), 2U);
  EXPECT_EQ(documents[0].fault, "");
}

TEST(Documents, AreCountedToABound) {
  std::string many;
  for (int i = 0; i < 10'050; ++i)
    many += "a\n---\n";
  const auto documents = split_documents(many);
  ASSERT_EQ(documents.size(), 10'001U);
  EXPECT_THAT(documents.back().fault, HasSubstr("10000 documents"));
}

TEST(TextFile, IsReadToItsEndOrSaysWhyNot) {
  const TempFolder folder;
  EXPECT_EQ(*read_text_file(folder.write("a.yaml", std::string("x\0y", 3))), std::string("x\0y", 3));
  EXPECT_EQ(*read_text_file(folder.write("b.yaml", "")), "");
  EXPECT_THAT(read_text_file(folder.path() / "none.yaml").error().text, HasSubstr("none.yaml"));
  const auto pipe = folder.path() / "pipe.yaml";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(read_text_file(pipe).error().text, HasSubstr("not a regular file"));
  const auto huge = folder.write("huge.yaml", "");
  std::filesystem::resize_file(huge, 17 << 20);
  EXPECT_THAT(read_text_file(huge).error().text, HasSubstr("the most is 16 MiB"));
}

}  // namespace
}  // namespace cleat
