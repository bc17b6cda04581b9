#include "wire.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace cleat::mqtt {
namespace {

TEST(MqttWire, ReadsWhatItWrites) {
  std::string bytes;
  put_byte(bytes, 0xfe);
  put_two_bytes(bytes, 0x1234);
  put_four_bytes(bytes, 0xdeadbeef);
  put_text(bytes, "a/ü");
  Reader reader(bytes);
  EXPECT_EQ(reader.byte(), 0xfe);
  EXPECT_EQ(reader.two_bytes(), 0x1234);
  EXPECT_EQ(reader.four_bytes(), 0xdeadbeefU);
  EXPECT_EQ(reader.text(), "a/ü");
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.left(), 0U);
}

TEST(MqttWire, VariableNumbersAtTheirLimits) {
  for (const std::uint32_t value :
       {0U, 127U, 128U, 16'383U, 16'384U, 2'097'151U, 2'097'152U, kMostVariable}) {
    std::string bytes;
    put_variable(bytes, value);
    Reader reader(bytes);
    EXPECT_EQ(reader.variable(), value);
    EXPECT_TRUE(reader.ok());
  }
  Reader five("\xff\xff\xff\xff\x7f");
  EXPECT_EQ(five.variable(), 0U);
  EXPECT_FALSE(five.ok());
}

TEST(MqttWire, NothingIsReadBeyondTheEnd) {
  Reader reader(
      std::string_view("\x00\x05"
                       "abc",
                       5));
  EXPECT_EQ(reader.text(), "");
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.byte(), 0);
  EXPECT_EQ(reader.four_bytes(), 0U);
  EXPECT_EQ(reader.rest(), "");
  Reader half("\x12");
  half.two_bytes();
  EXPECT_FALSE(half.ok());
}

TEST(MqttWire, KnowsWhatIsText) {
  for (const char* good : {"", "plain", "ü", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\x7f"})
    EXPECT_TRUE(is_mqtt_text(good)) << good;
  for (const char* bad : {"\xff", "\xc0\x80", "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf8\x88\x80\x80\x80", "\x80", "\xe0\x80\xaf"})
    EXPECT_FALSE(is_mqtt_text(bad));
  EXPECT_FALSE(is_mqtt_text(std::string_view("a\0b", 3)));
  EXPECT_TRUE(is_plain_text("ü\xc2\xa0"));
  for (const char* control : {"a\n", "\x7f", "\xc2\x85"})
    EXPECT_FALSE(is_plain_text(control));
}

}  // namespace
}  // namespace cleat::mqtt
