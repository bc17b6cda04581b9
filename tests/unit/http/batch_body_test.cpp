#include "http/batch_body.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "make_event.hpp"

namespace cleat {
namespace {

using testing::EventText;
using testing::make_event;

class BatchBodyTest : public ::testing::Test {
 protected:
  std::string write(const std::vector<EventText>& texts) {
    Batch batch;
    events_.clear();
    for (const EventText& text : texts)
      batch.events.push_back(events_.emplace_back(make_event(text)).get());
    body_.write(batch, reader_, wall_);
    EXPECT_TRUE(json::parse(body_.text())) << body_.text();
    return std::string(body_.text());
  }
  json::Value parsed(const std::vector<EventText>& texts) { return *json::parse(write(texts)); }
  std::string id_of(const std::vector<EventText>& texts, std::size_t i) {
    return parsed(texts).items.at(i).find("entryId")->text;
  }
  /// One letter for each verdict: a, r, l (dead letter), d, or - for none.
  std::string answer(std::string_view text) {
    std::string out;
    for (const auto& verdict : body_.read_answer(text, reader_))
      out += verdict ? "arld"[static_cast<std::size_t>(*verdict)] : '-';
    return out;
  }

  json::Reader reader_;
  http::WallText wall_;
  http::BatchBody body_;
  std::vector<EventPtr> events_;
};

TEST_F(BatchBodyTest, WritesEntriesInOrder) {
  EXPECT_EQ(
      write({{.data = R"({"n": 1.000000000000000000001})",
              .content_type = "text/plain",
              .source_id = "t/0@5",
              .metadata = {{"k", "v"}},
              .traceparent = "00-a",
              .delivery_count = 2,
              .first_seen_wall_ns = 1'700'000'000'000'000'000},
             {.data = "plain", .id = 7}}),
      R"([{"entryId":"t/0@5","data":{"n": 1.000000000000000000001},"contentType":"text/plain",)"
      R"("traceparent":"00-a","metadata":{"cleat-attempt":"2","cleat-first-seen":"2023-11-14T22:13:20.000Z","k":"v"}},)"
      R"({"entryId":"#7","data":"cGxhaW4=","base64":true,"contentType":"","metadata":{"cleat-attempt":"1"}}])");
}

TEST_F(BatchBodyTest, TakesEveryByteAsItIs) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "\"\",\"base64\":true"},
      {"f", "\"Zg==\",\"base64\":true"},
      {"fo", "\"Zm8=\",\"base64\":true"},
      {"foo", "\"Zm9v\",\"base64\":true"},
      {std::string("\0\xff\xfe", 3), "\"AP/+\",\"base64\":true"},
      {"{}]", "\"e31d\",\"base64\":true"},
      {"{},{}", "\"e30se30=\",\"base64\":true"},
      {"\"\xff\"", "\"Iv8i\",\"base64\":true"},
      {"1e999", "1e999"},
      {" null\n", " null\n"},
      {R"("a\u0000\ud800")", R"("a\u0000\ud800")"}};
  for (const auto& [data, expected] : cases) {
    const std::string out = write({{.data = data}});
    EXPECT_NE(out.find("\"data\":" + expected + ",\"contentType\""), std::string::npos) << out;
  }
}

TEST_F(BatchBodyTest, MakesIdsUnique) {
  const std::vector<EventText> texts{
      {.source_id = "a"},  {.source_id = "a"},    {.source_id = "a#1"}, {.id = 5},
      {.source_id = "#5"}, {.source_id = "\xff"}, {.source_id = "\xfe"}};
  const char* const expected[] = {"a", "a#1", "a#1#2", "#5", "#5#4", "\xef\xbf\xbd", "\xef\xbf\xbd#6"};
  for (std::size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(id_of(texts, i), expected[i]);
}

TEST_F(BatchBodyTest, KeepsTheHostsNamesForTheHost) {
  const auto entries = parsed({{.metadata = {{"cleat-attempt", "9"},
                                             {"Cleat_First_Seen", "never"},
                                             {"a", "1"},
                                             {"a", "2"},
                                             {"a", "3"},
                                             {"A", "4"},
                                             {"", "empty"},
                                             {"q\"\r\n", "\xff\""}}}});
  const json::Value& metadata = *entries.items.at(0).find("metadata");
  const std::pair<const char*, const char*> expected[] = {{"cleat-attempt", "1"},
                                                          {"cleat-src-cleat-attempt", "9"},
                                                          {"cleat-src-Cleat_First_Seen", "never"},
                                                          {"a", "1"},
                                                          {"cleat-src-a", "2"},
                                                          {"A", "4"},
                                                          {"", "empty"},
                                                          {"q\"\r\n", "\xef\xbf\xbd\""}};
  ASSERT_EQ(metadata.members.size(), std::size(expected));
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    EXPECT_EQ(metadata.members[i].key, expected[i].first);
    EXPECT_EQ(metadata.members[i].value.text, expected[i].second);
  }
}

TEST_F(BatchBodyTest, SurvivesHostileMetadata) {
  EventText text{.source_id = std::string(70'000, '\n')};
  for (int i = 0; i < 5000; ++i) {
    text.metadata.emplace_back("n" + std::to_string(i), std::string("\r\n\0\"\\", 5));
    text.metadata.emplace_back("content-length", std::string(i == 0 ? 70'000 : 1, 'x'));
  }
  const auto entries = parsed({text, text});
  EXPECT_EQ(entries.items.at(1).find("metadata")->members.size(), 5003U);
  EXPECT_EQ(entries.items.at(1).find("metadata")->find("n4999")->text, std::string("\r\n\0\"\\", 5));
}

TEST_F(BatchBodyTest, ReadsAVerdictForEachEntry) {
  write({{.source_id = "a"},
         {.source_id = "b"},
         {.source_id = "c"},
         {.source_id = "d"},
         {.source_id = "e/\""}});
  EXPECT_EQ(answer(R"({"statuses":[{"entryId":"b","status":"DROP"},{"status":"success","entryId":"a"},)"
                   R"({"entryId":"d","status":"DEADLETTER"},{"entryId":"c","status":"RETRY"},)"
                   R"({"entryId":"\u0065\/\"","status":"SUCCESS"}]})"),
            "adrla");
  EXPECT_EQ(answer(R"({"Statuses":[{"EntryID":"e/\"","Status":"Success"}], "x":1})"), "----a");
}

TEST_F(BatchBodyTest, HasNoVerdictWhereTheAnswerHasNone) {
  write({{.source_id = "a"}, {.source_id = "b"}, {.source_id = "c"}});
  for (const char* nothing : {"", "OK", "{}", "null", "[]", R"({"status":"SUCCESS"})", R"({"statuses":{}})",
                              R"({"statuses":[1,null,{}, {"entryId":1,"status":"SUCCESS"}]})",
                              R"({"statuses":[{"entryId":"a","status":"WELL"},{"entryId":"b"}]})",
                              R"({"statuses":[{"entryId":"z","status":"SUCCESS"}]})",
                              R"({"statuses":[{"entryId":"a","status":"SUCCESS"}]} x)"}) {
    EXPECT_EQ(answer(nothing), "---") << nothing;
  }
}

TEST_F(BatchBodyTest, FindsIdsInAnyOrderOfFewAndOfMany) {
  for (const std::size_t count : {1U, 8U, 9U, 100U}) {
    std::vector<EventText> texts;
    for (std::size_t i = 0; i < count; ++i)
      texts.push_back({.source_id = "t/0@" + std::to_string(i)});
    write(texts);
    std::string forwards, backwards;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string entry = R"({"entryId":"t/0@)" + std::to_string(i) + R"(","status":")" +
                                (i % 3 == 0 ? "DROP" : "SUCCESS") + "\"}";
      forwards += (i == 0 ? "" : ",") + entry;
      backwards = entry + (i == 0 ? "" : ",") + backwards;
    }
    std::string expected;
    for (std::size_t i = 0; i < count; ++i)
      expected += i % 3 == 0 ? 'd' : 'a';
    EXPECT_EQ(answer(R"({"statuses":[)" + forwards + "]}"), expected);
    EXPECT_EQ(answer(R"({"statuses":[)" + backwards + "]}"), expected);
    EXPECT_EQ(answer(R"({"statuses":[{"entryId":"t/0@100","status":"DROP"}]})"), std::string(count, '-'));
  }
}

TEST_F(BatchBodyTest, TakesTheLastOfMembersWithOneName) {
  write({{.source_id = "a"}, {.source_id = "b"}});
  EXPECT_EQ(
      answer(
          R"({"statuses":[{"entryId":"a","status":"DROP"}],"st\u0061tuses":[{"entryId":"b","status":"DROP"}]})"),
      "-d");
  EXPECT_EQ(answer(R"({"statuses":[{"entryId":"a","status":"DROP"}],"statuses":null})"), "--");
  EXPECT_EQ(answer(R"({"statuses":[{"entryId":"a","entryId":"b","status":"DROP","status":"SUCCESS"}]})"),
            "-a");
}

TEST_F(BatchBodyTest, TakesTwoDifferentWordsForNone) {
  write({{.source_id = "a"}, {.source_id = "b"}, {.source_id = "c"}});
  EXPECT_EQ(
      answer(
          R"({"statuses":[{"entryId":"a","status":"SUCCESS"},{"entryId":"a","status":"RETRY"},)"
          R"({"entryId":"a","status":"SUCCESS"},{"entryId":"b","status":"SUCCESS"},)"
          R"({"entryId":"b","status":"success"},{"entryId":"c","status":"WELL"},{"entryId":"c","status":"DROP"}]})"),
      "-a-");
}

TEST_F(BatchBodyTest, IsUsedAgain) {
  write({{.source_id = "a"}, {.source_id = "b"}});
  body_.shrink(0);
  write({{.source_id = "b"}});
  EXPECT_EQ(answer(R"({"statuses":[{"entryId":"a","status":"DROP"},{"entryId":"b","status":"SUCCESS"}]})"),
            "a");
}

}  // namespace
}  // namespace cleat
