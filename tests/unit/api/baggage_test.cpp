#include "api/baggage.hpp"

#include <gtest/gtest.h>

#include <string>

namespace cleat {
namespace {

TEST(Baggage, TakesWellFormedOnes) {
  for (const char* text : {"", "a=b", "a=b,c=d", "a = b , c=d;p;q=1", "k=", "k=%20x"}) {
    EXPECT_TRUE(check_baggage(text)) << text;
  }
}

TEST(Baggage, RefusesOthersAndShowsTheMember) {
  for (const char* text : {"a", "=b", "a b=c", "a=b,", ",", "a=\"x\"", "a=%2", "a=%zz", "a=b;=x"}) {
    EXPECT_FALSE(check_baggage(text)) << text;
  }
  EXPECT_NE(check_baggage("a=b,broken").error().text.find("\"broken\" as member 2"), std::string::npos);
}

TEST(Baggage, IsBounded) {
  EXPECT_FALSE(check_baggage("a=" + std::string(8192, 'x')));
  std::string many = "a=b";
  for (int i = 1; i < 180; ++i)
    many += ",a=b";
  EXPECT_TRUE(check_baggage(many));
  EXPECT_FALSE(check_baggage(many + ",a=b"));
}

}  // namespace
}  // namespace cleat
