#include "header_filter.hpp"

#include <gtest/gtest.h>
#include <cleat/plugin.hpp>

namespace cleat::kafka {
namespace {

TEST(HeaderFilterTest, WithoutAPatternNothingIsExcluded) {
  HeaderFilter filter{std::string()};
  EXPECT_FALSE(filter.excludes(""));
  EXPECT_FALSE(filter.excludes("anything"));
}

TEST(HeaderFilterTest, SearchesAnywhereInTheName) {
  HeaderFilter filter("secret|^x-");
  EXPECT_TRUE(filter.excludes("my-secret-header"));
  EXPECT_TRUE(filter.excludes("x-trace"));
  EXPECT_FALSE(filter.excludes("a-x-trace"));
  EXPECT_FALSE(filter.excludes("Secret"));
  EXPECT_TRUE(filter.excludes("my-secret-header")) << "the same answer when it is remembered";
}

TEST(HeaderFilterTest, AnyCaseWhenAskedFor) {
  HeaderFilter filter("(?i)^secret$");
  EXPECT_TRUE(filter.excludes("SeCret"));
  EXPECT_FALSE(filter.excludes("SeCrets"));
}

TEST(HeaderFilterTest, ABadPatternIsAnInitError) {
  try {
    HeaderFilter("a(");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.status, CLEAT_INVALID);
    EXPECT_NE(std::string(error.what()).find("excludeHeaderMetaRegex"), std::string::npos);
  }
}

TEST(QueryEscapeTest, AsGo) {
  EXPECT_EQ(query_escape("a b&c=d/e?f"), "a+b%26c%3Dd%2Fe%3Ff");
  EXPECT_EQ(query_escape("-_.~09AZaz"), "-_.~09AZaz");
  EXPECT_EQ(query_escape("\xC3\xA4\n%+"), "%C3%A4%0A%25%2B");
}

}  // namespace
}  // namespace cleat::kafka
