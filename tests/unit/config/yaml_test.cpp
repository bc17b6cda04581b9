#include "config/yaml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <random>

namespace cleat {
namespace {

using testing::HasSubstr;

std::string repeated(std::string_view piece, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i)
    out += piece;
  return out;
}

std::string fault_text(const std::string& text) {
  const auto root = parse_yaml(text, 1);
  return root ? "none" : root.error().text;
}

TEST(Yaml, KeepsOrderLinesAndQuotes) {
  const auto root = parse_yaml("b: 1\na:\n- 'x'\n- y\n", 11);
  ASSERT_TRUE(root) << root.error().text;
  ASSERT_EQ(root->members.size(), 2U);
  EXPECT_EQ(root->line, 11U);
  EXPECT_EQ(root->members[0].key, "b");
  EXPECT_TRUE(root->members[0].value.plain);
  const YamlNode& list = root->members[1].value;
  ASSERT_EQ(list.items.size(), 2U);
  EXPECT_FALSE(list.items[0].plain);
  EXPECT_EQ(list.items[1].line, 14U);
}

TEST(Yaml, FindsNamesWithoutCaseButPrefersTheExactOne) {
  const auto root = parse_yaml("SecretStore: a\nsecretStore: b\nother: c\n", 1);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->find("secretStore")->text, "b");
  EXPECT_EQ(root->find("OTHER")->text, "c");
  EXPECT_EQ(root->find("absent"), nullptr);
}

TEST(Yaml, ResolvesAliasesAndMergeKeys) {
  const auto root = parse_yaml("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\nmany: {<<: [*b, {z: 4}]}\n", 1);
  ASSERT_TRUE(root) << root.error().text;
  const YamlNode* use = root->find("use");
  ASSERT_EQ(use->members.size(), 2U);
  EXPECT_EQ(use->find("x")->text, "1");
  EXPECT_EQ(use->find("y")->text, "3");
  EXPECT_EQ(root->find("many")->find("z")->text, "4");
}

TEST(Yaml, EmptyTextIsNull) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "%YAML 1.2\n"}) {
    const auto root = parse_yaml(text, 1);
    ASSERT_TRUE(root) << text;
    EXPECT_TRUE(root->is(YamlNode::Kind::null)) << text;
  }
}

TEST(Yaml, NamesTheLineOfAFault) {
  const auto root = parse_yaml("a: 1\nb: [1, 2\nc: 3\n", 101);
  ASSERT_FALSE(root);
  EXPECT_GE(root.error().line, 102U);
  EXPECT_LE(root.error().line, 104U);
  EXPECT_THAT(root.error().text, HasSubstr("not valid YAML"));
}

TEST(Yaml, SaysThatATabIsTheCause) {
  EXPECT_THAT(fault_text("a:\n\tb: 1\n"), HasSubstr("tab"));
}

TEST(Yaml, RefusesWhatHasNoMeaningHere) {
  EXPECT_THAT(fault_text("a: 1\na: 2\n"), HasSubstr("'a' is given twice"));
  EXPECT_THAT(fault_text("? [x]\n: 1\n"), HasSubstr("used as a key"));
  EXPECT_THAT(fault_text("&a [*a]"), HasSubstr("inside the value"));
  EXPECT_THAT(fault_text("a: *b"), HasSubstr("not valid YAML"));
  EXPECT_THAT(fault_text("<<: 5\n"), HasSubstr("'<<'"));
  EXPECT_THAT(fault_text("a: b\n]"), HasSubstr("not valid YAML"));
}

TEST(Yaml, BoundsDepthValuesAndRepetition) {
  EXPECT_NE(fault_text(repeated("[", 1 << 20)), "none");
  EXPECT_NE(fault_text(repeated("{a: ", 100'000)), "none");
  EXPECT_THAT(fault_text(repeated("[", 65) + repeated("]", 65)), HasSubstr("deeper than 64"));
  EXPECT_THAT(fault_text(repeated("- ", 1000)), HasSubstr("deeper than 64"));
  EXPECT_EQ(fault_text(repeated("[", 64) + repeated("]", 64)), "none");
  EXPECT_THAT(fault_text("[" + repeated("a,", 200'000) + "]"), HasSubstr("more than 100000 values"));
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c <= 'z'; ++c) {
    const char before = static_cast<char>(c - 1);
    bomb += std::string(1, c) + ": &" + c + " [" + repeated(std::string("*") + before + ",", 9) + "]\n";
  }
  EXPECT_THAT(fault_text(bomb), HasSubstr("more than 100000 values"));
  EXPECT_THAT(fault_text("a: &a '" + repeated("x", 500'000) + "'\nb: [" + repeated("*a,", 50) + "]\n"),
              HasSubstr("4 MiB"));
}

/// The library below has had crashes on odd text: whatever comes, a value or a sentence.
TEST(Yaml, SurvivesTwistedText) {
  const std::string good =
      "kind: Component\nmetadata: &m { name: a, labels: [x, 'y', \"z\"] }\nspec:\n  type: bindings.kafka\n  "
      "metadata:\n"
      "  - { name: b, value: !!str 5 }\n  - name: c\n    value: |\n      text\n  - <<: *m\n";
  constexpr std::string_view kPieces = "[]{}:-?!&*'\"|>%@`#,\n\t <~=";
  std::mt19937 random(20191011);
  std::size_t read = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string text = good;
    for (std::size_t change = random() % 6 + 1; change > 0; --change) {
      const std::size_t at = random() % text.size();
      const char piece = kPieces[random() % kPieces.size()];
      switch (random() % 3) {
        case 0:
          text[at] = piece;
          break;
        case 1:
          text.insert(at, 1, piece);
          break;
        default:
          text.erase(at, random() % 9 + 1);
      }
      if (text.empty()) text = "x";
    }
    const auto root = parse_yaml(text, 1);
    if (root) {
      ++read;
    } else {
      ASSERT_NE(root.error().text, "") << text;
    }
  }
  EXPECT_GT(read, 0U);
  EXPECT_LT(read, 5000U);
}

}  // namespace
}  // namespace cleat
