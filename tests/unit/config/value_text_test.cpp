#include "config/value_text.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace cleat {
namespace {

struct Row {
  std::string_view yaml, text;
  friend std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.yaml; }
};

class ValueTextTest : public testing::TestWithParam<Row> {};

TEST_P(ValueTextTest, IsWhatThePluginGets) {
  const auto root = parse_yaml("v: " + std::string(GetParam().yaml), 1);
  ASSERT_TRUE(root) << root.error().text;
  EXPECT_EQ(value_text(root->members.at(0).value).text, GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(Scalars, ValueTextTest,
                         testing::Values(Row{"", ""}, Row{"~", ""}, Row{"null", ""}, Row{"''", ""},
                                         Row{"\"null\"", "null"}, Row{"True", "true"}, Row{"FALSE", "false"},
                                         Row{"'True'", "True"}, Row{"yes", "yes"}, Row{"no", "no"},
                                         Row{"text with blanks", "text with blanks"},
                                         Row{"\"`kept`\"", "`kept`"}, Row{"'\"kept\"'", "\"kept\""},
                                         Row{"\"a\\nb\"", "a\nb"},
                                         Row{"|\n  line 1\n  line 2\n", "line 1\nline 2\n"},
                                         Row{"a:9092,b:9092", "a:9092,b:9092"}, Row{"!!str 012", "012"}));

INSTANTIATE_TEST_SUITE_P(
    Numbers, ValueTextTest,
    testing::Values(Row{"5", "5"}, Row{"-5", "-5"}, Row{"+5", "5"}, Row{"1.50", "1.50"}, Row{"1e3", "1e3"},
                    Row{".5", "0.5"}, Row{"5.", "5"}, Row{"0", "0"}, Row{"0.0", "0.0"}, Row{"0x1F", "31"},
                    Row{"-0x10", "-16"}, Row{"0o17", "15"}, Row{"017", "15"}, Row{"0891", "0891"},
                    Row{"12345678901234567890123", "12345678901234567890123"}, Row{"'007'", "007"},
                    Row{"2024_01", "2024_01"}, Row{"1.2.3", "1.2.3"}, Row{"0x", "0x"}, Row{"1e", "1e"},
                    Row{".", "."}, Row{"--5", "--5"}, Row{".inf", ".inf"}, Row{"2024-01-02", "2024-01-02"}));

INSTANTIATE_TEST_SUITE_P(Trees, ValueTextTest,
                         testing::Values(Row{"[a, 1, true, ~, '2']", R"(["a",1,true,null,"2"])"},
                                         Row{"{b: 1.10, a: {c: [x]}}", R"({"b":1.10,"a":{"c":["x"]}})"},
                                         Row{"[]", "[]"}, Row{"{}", "{}"},
                                         Row{"['q\"q', \"\\x01\"]", "[\"q\\\"q\",\"\\u0001\"]"}));

TEST(ValueTextRemark, NamesALeadingZero) {
  const auto root = parse_yaml("v: 0644", 1);
  ASSERT_TRUE(root);
  EXPECT_NE(value_text(root->members[0].value).remark, "");
  const auto other = parse_yaml("v: 644", 1);
  EXPECT_EQ(value_text(other->members[0].value).remark, "");
}

}  // namespace
}  // namespace cleat
