#include "policy/code_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace cleat {
namespace {

TEST(CodeSet, HoldsCodesAndRanges) {
  for (const char* text : {"429,500-599", " 429 , 500 - 599 ", "500-599,429,429,", ",429,,500-550,540-599"}) {
    const auto set = CodeSet::parse(text, 100, 599);
    ASSERT_TRUE(set) << text << set.error().text;
    EXPECT_FALSE(set->empty());
    for (unsigned code = 0; code < 1000; ++code)
      EXPECT_EQ(set->contains(code), code == 429 || (code >= 500 && code <= 599)) << text << ' ' << code;
  }
}

TEST(CodeSet, MayReachItsBounds) {
  const auto set = CodeSet::parse("0-16", 0, 16);
  ASSERT_TRUE(set);
  EXPECT_TRUE(set->contains(0));
  EXPECT_TRUE(set->contains(16));
  EXPECT_TRUE(CodeSet::parse("100,599,200-200", 100, 599));
}

TEST(CodeSet, IsEmptyWithoutText) {
  for (const char* text : {"", "  "}) {
    const auto set = CodeSet::parse(text, 100, 599);
    ASSERT_TRUE(set);
    EXPECT_TRUE(set->empty());
    EXPECT_FALSE(set->contains(500));
  }
}

TEST(CodeSet, FaultsNameThePart) {
  const std::map<std::string, std::string> faults{
      {"99", "expected a code from 100 to 599, found '99'"},
      {"600", "expected a code from 100 to 599, found '600'"},
      {"200,5xx", "expected a code from 100 to 599, found '5xx'"},
      {"500-", "expected a code from 100 to 599, found '' in '500-'"},
      {"-500", "expected a code from 100 to 599, found '' in '-500'"},
      {"500-599-600", "expected a code from 100 to 599, found '599-600' in '500-599-600'"},
      {"400 500", "expected a code from 100 to 599, found '400 500'"},
      {"+429", "expected a code from 100 to 599, found '+429'"},
      {"99999999999999999999", "expected a code from 100 to 599, found '99999999999999999999'"},
      {"599-500", "expected the smaller code of a range first, found '599-500': write 500-599"},
      {",", "expected codes such as 429,500-599, found ','"}};
  for (const auto& [text, fault] : faults) {
    const auto set = CodeSet::parse(text, 100, 599);
    ASSERT_FALSE(set) << text;
    EXPECT_EQ(set.error().text, fault) << text;
  }
}

TEST(CodeSet, ALongPartIsCutInTheMessage) {
  const auto set = CodeSet::parse(std::string(100'000, 'x'), 100, 599);
  ASSERT_FALSE(set);
  EXPECT_LT(set.error().text.size(), 200U);
}

}  // namespace
}  // namespace cleat
