#include "api/text_json.hpp"

#include <gtest/gtest.h>

namespace cleat {
namespace {

TEST(ErrorBody, IsWrittenAsDaprdDoes) {
  EXPECT_EQ(error_body("ERR_X", "plain"), R"({"errorCode":"ERR_X","message":"plain"})");
}

TEST(ErrorBody, EscapesWhatCouldEndAScriptElement) {
  EXPECT_EQ(error_body("E", "<a>&\"\xe2\x80\xa8\xe2\x80\xa9"),
            R"({"errorCode":"E","message":"\u003ca\u003e\u0026\"\u2028\u2029"})");
}

TEST(ErrorBody, LeavesNeighboursOfTheEscapedCharactersAlone) {
  EXPECT_EQ(error_body("E", "\xe2\x80\xa7"), "{\"errorCode\":\"E\",\"message\":\"\xe2\x80\xa7\"}");
}

}  // namespace
}  // namespace cleat
