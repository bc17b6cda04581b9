#include "http/paths.hpp"

#include <gtest/gtest.h>

namespace cleat::http {
namespace {

TEST(Paths, AreCleanedAsDaprdDoes) {
  const std::pair<const char*, const char*> cases[] = {
      {"/a/b", "/a/b"},
      {"/a//b/", "/a/b"},
      {"/a/./b", "/a/b"},
      {"/a/../b", "/b"},
      {"/../../a", "/a"},
      {"/", "/"},
      {"//", "/"},
      {"/a?b=/../c", "/a"},
      {"/a/%2e%2e/b", "/a/%2e%2e/b"},
      {"http://h:1/a/b?c", "/a/b"},
      {"http://h", "/"},
      {"*", ""},
      {"", ""},
      {"/.hidden", "/.hidden"},
  };
  for (const auto& [target, path] : cases)
    EXPECT_EQ(clean_path(target), path) << target;
}

TEST(Paths, AreUnescapedLikeQueries) {
  EXPECT_EQ(query_unescape("a+b%2Bc%2f"), "a b+c/");
  for (const char* bad : {"%", "%2", "%zz", "a%2"})
    EXPECT_EQ(query_unescape(bad), std::nullopt) << bad;
}

TEST(Paths, AreUnescapedWithTheirPlusSigns) {
  EXPECT_EQ(path_unescape("a+b%2Bc%2f"), "a+b+c/");
  for (const char* bad : {"%", "%2", "%zz", "a%2"})
    EXPECT_EQ(path_unescape(bad), std::nullopt) << bad;
}

TEST(Paths, TellAnEmptyValueFromNone) {
  EXPECT_EQ(query_find("a=1&limit=%31&limit=2", "limit"), "%31");
  EXPECT_EQ(query_find("limit", "limit"), "");
  EXPECT_EQ(query_find("limit=", "limit"), "");
  EXPECT_EQ(query_find("limits=1", "limit"), std::nullopt);
  EXPECT_EQ(query_find("", "limit"), std::nullopt);
}

TEST(Paths, FindQueryValues) {
  EXPECT_EQ(query_value(query_of("/p?a=1&appid=x%20y&b"), "appid"), "x y");
  EXPECT_EQ(query_value(query_of("/p?b"), "b"), "");
  EXPECT_EQ(query_value(query_of("/p"), "b"), "");
}

TEST(Paths, MakeTargetsOfRoutes) {
  const std::pair<const char*, const char*> cases[] = {
      {"name", "/name"},
      {"/a/b/", "/a/b"},
      {"a//b/../c", "/a/c"},
      {"/a?x=1", "/a?x=1"},
      {"/a b\r\nX: y", "/a%20b%0D%0AX:%20y"},
      {"", "/"},
      {"/a?b c#d", "/a?b%20c%23d"},
  };
  for (const auto& [route, target] : cases)
    EXPECT_EQ(route_target(route), target) << route;
}

}  // namespace
}  // namespace cleat::http
