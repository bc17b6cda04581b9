#include "records.hpp"

#include "common/kafka/errors.hpp"

#include <gtest/gtest.h>

#include "config_of.hpp"

namespace cleat::kafka {
namespace {

struct Made {
  explicit Made(Pairs metadata_, std::string data_ = "x")
      : metadata(std::move(metadata_)), data(std::move(data_)) {
    for (const auto& [key, value] : metadata)
      items.push_back({str(key), str(value)});
    raw.struct_size = sizeof raw;
    raw.metadata = {items.data(), items.size()};
    raw.data = data.data();
    raw.data_len = data.size();
  }
  Record read(bool strict_dapr = false, const std::string& exclude = {}) {
    HeaderFilter filter(exclude);
    return read_record(Request(raw), strict_dapr, filter);
  }
  std::string error() {
    try {
      read();
    } catch (const Error& error) {
      return error.what();
    }
    return "(no error)";
  }
  Pairs metadata;
  std::string data;
  std::vector<cleat_kv> items;
  cleat_request raw{};
};

TEST(RecordTest, KeyComesFromPartitionKeyThenKeyWithUnderscoresThenKey) {
  EXPECT_EQ(Made(Pairs{{"key", "c"}, {"__key", "b"}, {"partitionKey", "a"}}).read().key, "a");
  EXPECT_EQ(Made(Pairs{{"key", "c"}, {"__key", "b"}}).read().key, "b");
  EXPECT_EQ(Made(Pairs{{"key", "c"}}).read().key, "c");
  EXPECT_EQ(Made(Pairs{{"key", "c"}}).read(true).key, std::nullopt) << "Dapr does not know this one";
  EXPECT_EQ(Made(Pairs{{"PartitionKey", "a"}}).read().key, std::nullopt) << "names are exact";
  EXPECT_EQ(Made(Pairs{{"partitionKey", ""}}).read().key, "") << "an empty key is a key";
}

TEST(RecordTest, EveryEntryIsAHeaderToo) {
  Made made(Pairs{{"partitionKey", "a"}, {"h", "1"}, {"secret", "2"}});
  const Record record = made.read(false, "secret");
  ASSERT_EQ(record.headers.size(), 2U);
  EXPECT_EQ(record.headers[0], (std::pair<std::string_view, std::string_view>("partitionKey", "a")));
  EXPECT_EQ(record.headers[1].first, "h");
}

TEST(RecordTest, Tombstones) {
  EXPECT_EQ(Made({}, "null").read().value, std::nullopt);
  EXPECT_EQ(Made({}, " null").read().value, " null");
  EXPECT_EQ(Made({}, "").read().value, "") << "empty, but there";
  Made made({}, "");
  made.raw.data = nullptr;
  EXPECT_EQ(made.read().value, std::nullopt);
}

TEST(RecordTest, PartitionNumbers) {
  EXPECT_EQ(Made(Pairs{{"partitionNumber", "3"}}).read().partition, 3);
  EXPECT_EQ(Made(Pairs{{"partitionNumber", "+3"}}).read().partition, 3);
  EXPECT_EQ(Made(Pairs{{"partitionNumber", "x"}}).error(),
            "invalid partitionNumber metadata value \"x\": strconv.ParseInt: parsing \"x\": invalid syntax");
  EXPECT_EQ(Made(Pairs{{"partitionNumber", ""}}).error(),
            "invalid partitionNumber metadata value \"\": strconv.ParseInt: parsing \"\": invalid syntax");
  EXPECT_EQ(
      Made(Pairs{{"partitionNumber", "+-3"}}).error(),
      "invalid partitionNumber metadata value \"+-3\": strconv.ParseInt: parsing \"+-3\": invalid syntax");
  EXPECT_EQ(Made(Pairs{{"partitionNumber", "99999999999"}}).error(),
            "invalid partitionNumber metadata value \"99999999999\": strconv.ParseInt: parsing "
            "\"99999999999\": value out of "
            "range");
  EXPECT_EQ(Made(Pairs{{"partitionNumber", "-1"}}).error(), "partitionNumber must be non-negative, got -1");
  EXPECT_EQ(out_of_range_text(9, 3), "partition number 9 is out of range, topic has 3 partitions");
}

TEST(RecordTest, SchemaTypes) {
  EXPECT_EQ(Made(Pairs{{"valueSchemaType", "none"}}).error(), "(no error)");
  EXPECT_NE(Made(Pairs{{"valueSchemaType", "Avro"}}).error().find("not served yet"), std::string::npos);
  EXPECT_EQ(Made(Pairs{{"valueSchemaType", "thrift"}}).error(),
            "error parsing schema type. 'thrift' is not a supported value");
}

}  // namespace
}  // namespace cleat::kafka
