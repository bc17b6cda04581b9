#include "events.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory_resource>
#include <string>

namespace cleat::eventhubs {
namespace {

using namespace std::string_literals;

struct Described {
  explicit Described(const kafka::ReadRecord& record, bool all_properties = true) {
    std::pmr::monotonic_buffer_resource memory;
    kafka::EventMetadata::Map map(&memory);
    kafka::EventMetadata metadata(map, memory);
    cleat_event event{};
    describe_event(record, all_properties, metadata, event);
    for (const cleat_kv& one : map)
      entries.emplace(view(one.key), view(one.value));
    content_type = view(event.content_type);
    traceparent = view(event.traceparent);
  }
  std::map<std::string, std::string> entries;
  std::string content_type, traceparent;
};

kafka::ReadRecord record_with(kafka::HeaderList headers) {
  return {"orders", "3", "42", std::nullopt, 1'700'000'000'123, std::move(headers)};
}

TEST(EventsTest, WhatEveryEventHas) {
  const std::map<std::string, std::string> expected{{"x-opt-sequence-number", "42"},
                                                    {"x-opt-enqueued-time", "2023-11-14T22:13:20Z"},
                                                    {"x-opt-partition-id", "3"}};
  EXPECT_EQ(Described(record_with({})).entries, expected);
}

TEST(EventsTest, ThePartitionKeyIsTheHeaderOrElseTheKey) {
  kafka::ReadRecord record = record_with({});
  record.key = "k";
  EXPECT_EQ(Described(record, false).entries["x-opt-partition-key"], "k");
  const std::string amqp = "\xa1\x01h"s;
  record.headers = {{"x-opt-partition-key", amqp}};
  EXPECT_EQ(Described(record, false).entries["x-opt-partition-key"], "h");
}

TEST(EventsTest, OtherPropertiesOnlyIfAskedFor) {
  const kafka::ReadRecord record =
      record_with({{"colour", "blue"}, {"message-id", "m"}, {"iothub-connection-device-id", "d"}});
  EXPECT_EQ(Described(record, true).entries.count("colour"), 1U);
  const Described few(record, false);
  EXPECT_EQ(few.entries.count("colour"), 0U);
  EXPECT_EQ(few.entries.at("message-id"), "m");
  EXPECT_EQ(few.entries.at("iothub-connection-device-id"), "d");
}

TEST(EventsTest, TextThatCouldBeAmqpIsTextUnlessTheEventCameByAmqp) {
  const std::string word = "abc", number = "T\x05"s, text = "\xa1\x01x"s;
  Described plain(record_with({{"word", word}, {"number", number}}));
  EXPECT_EQ(plain.entries["word"], "abc");
  EXPECT_EQ(plain.entries["number"], "5");
  Described amqp(record_with({{"word", word}, {"text", text}}));
  EXPECT_EQ(amqp.entries["word"], "25187");
  EXPECT_EQ(amqp.entries["text"], "x");
}

TEST(EventsTest, OfEqualNamesTheLastOneAndNeverOneOfOurs) {
  Described event(record_with({{"a", "1"}, {"a", "2"}}));
  EXPECT_EQ(event.entries["a"], "2");
  Described forged(record_with({{"x-opt-sequence-number", "7"}}));
  EXPECT_EQ(forged.entries["x-opt-sequence-number"], "42");
}

TEST(EventsTest, ContentTypeAndTrace) {
  const Described event(record_with({{"content-type", "text/csv"}, {"traceparent", "00-1-2-01"}}), false);
  EXPECT_EQ(event.content_type, "text/csv");
  EXPECT_EQ(event.traceparent, "00-1-2-01");
}

TEST(EventsTest, ACreateRequest) {
  const std::array<cleat_kv, 4> items{
      cleat_kv{str("partitionKey"), str("k")}, cleat_kv{str("ContentType"), str("text/csv")},
      cleat_kv{str("colour"), str("blue")}, cleat_kv{str("traceparent"), str("00-1-2-01")}};
  cleat_request raw{};
  raw.struct_size = sizeof raw;
  raw.metadata = {items.data(), items.size()};
  const Request request(raw);
  const kafka::Record record = read_record(request);
  EXPECT_EQ(record.key, "k");
  EXPECT_EQ(record.value, "");  // an event without data is an empty one, never none
  const kafka::HeaderList expected{{"content-type", "text/csv"}, {"traceparent", "00-1-2-01"}};
  EXPECT_EQ(record.headers, expected);
}

}  // namespace
}  // namespace cleat::eventhubs
