#include "amqp_value.hpp"

#include <gtest/gtest.h>

#include <string>

namespace cleat::eventhubs {
namespace {

using namespace std::string_literals;

TEST(AmqpValueTest, EachType) {
  struct Row {
    std::string bytes, text;
  };
  const Row rows[] = {
      {"\x40"s, ""},
      {"\x41"s, "true"},
      {"\x42"s, "false"},
      {"\x56\x01"s, "true"},
      {"\x56\x00"s, "false"},
      {"\x43"s, "0"},
      {"\x44"s, "0"},
      {"\x50\xff"s, "255"},
      {"\x51\xff"s, "-1"},
      {"\x52\x07"s, "7"},
      {"\x53\x07"s, "7"},
      {"\x54\xfe"s, "-2"},
      {"\x55\x05"s, "5"},
      {"\x60\xff\xff"s, "65535"},
      {"\x61\xff\xff"s, "-1"},
      {"\x70\xff\xff\xff\xff"s, "4294967295"},
      {"\x71\x80\x00\x00\x00"s, "-2147483648"},
      {"\x72\x3f\xc0\x00\x00"s, "1.5"},
      {"\x80\xff\xff\xff\xff\xff\xff\xff\xff"s, "18446744073709551615"},
      {"\x81\xff\xff\xff\xff\xff\xff\xff\xff"s, "-1"},
      {"\x82\x3f\xf8\x00\x00\x00\x00\x00\x00"s, "1.5"},
      {"\x83\x00\x00\x01\x8b\xcf\xe5\x68\x7b"s, "2023-11-14T22:13:20Z"},
      {"\x98\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"s,
       "00112233-4455-6677-8899-aabbccddeeff"},
      {"\xa1\x03"s + "abc", "abc"},
      {"\xa3\x03"s + "abc", "abc"},
      {"\xa0\x02\x00\xff"s, "\x00\xff"s},
      {"\xb1\x00\x00\x00\x03"s + "abc", "abc"},
      {"\xa1\x00"s, ""},
  };
  for (const Row& row : rows)
    EXPECT_EQ(decode_amqp(row.bytes), row.text) << row.text;
}

TEST(AmqpValueTest, WhatIsNotWholeIsNone) {
  for (const std::string& bytes :
       {""s, "\x54"s, "\x54\x01\x02"s, "\x56\x02"s, "\xa1"s, "\xa1\x04"s + "abc", "\xa1\x02"s + "abc",
        "\xb1\x00\x00"s, "\xb1\xff\xff\xff\xff"s, "\xc0\x01\x00"s, "\x00"s, "\x83\x00"s, "hello"s})
    EXPECT_EQ(decode_amqp(bytes), std::nullopt);
}

TEST(AmqpValueTest, WhatCanBeNothingElse) {
  EXPECT_TRUE(is_surely_amqp("\xa1\x03"s + "abc"));
  EXPECT_TRUE(is_surely_amqp("\x81\x00\x00\x00\x00\x00\x00\x00\x01"s));
  EXPECT_FALSE(is_surely_amqp("abc"));
  EXPECT_FALSE(is_surely_amqp("\xa1\x03"s + "ab"));
  EXPECT_FALSE(is_surely_amqp("\xc3\xa9"s));  // "é"
  EXPECT_FALSE(is_surely_amqp(""));
}

TEST(AmqpValueTest, PlainText) {
  EXPECT_TRUE(is_plain_text(""));
  EXPECT_TRUE(is_plain_text("a\tb\r\n"));
  EXPECT_TRUE(is_plain_text("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"));
  EXPECT_FALSE(is_plain_text("T\x05"));
  EXPECT_FALSE(is_plain_text("\xa1\x03"s + "abc"));
  EXPECT_FALSE(is_plain_text("\xe2\x82"s));
  EXPECT_FALSE(is_plain_text("\xc3("s));
  EXPECT_FALSE(is_plain_text("\xff"s));
}

TEST(AmqpValueTest, Times) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(rfc3339(1'700'000'000'999), "2023-11-14T22:13:20Z");
  EXPECT_EQ(rfc3339(-1), "1969-12-31T23:59:59Z");
}

}  // namespace
}  // namespace cleat::eventhubs
