#include "http/event_headers.hpp"

#include <gtest/gtest.h>

#include <string>

#include "base/text.hpp"
#include "make_event.hpp"

namespace cleat {
namespace {

using testing::EventText;
using testing::make_event;

std::string headers(const EventText& text, http::EventHeaderOptions options = {}) {
  options.type = "kafka";
  options.user_agent = "cleat/1";
  std::string out;
  http::WallText wall;
  http::append_event_headers(out, *make_event(text), options, wall);
  return out;
}
std::string strict_headers(const EventText& text) {
  http::EventHeaderOptions options;
  options.strict_dapr = true;
  return headers(text, options);
}
bool has(const std::string& out, const std::string& line) {
  return ("\r\n" + out).find("\r\n" + line + "\r\n") != std::string::npos;
}

/// Every line is a legal header, and there is one Content-Type and no name that frames a message.
void expect_harmless(const std::string& out) {
  std::size_t begin = 0, content_types = 0;
  while (begin < out.size()) {
    const std::size_t end = out.find("\r\n", begin);
    ASSERT_NE(end, std::string::npos);
    const std::string line = out.substr(begin, end - begin);
    const std::size_t colon = line.find(": ");
    ASSERT_NE(colon, std::string::npos) << line;
    ASSERT_GT(colon, 0U) << line;
    for (const char c : line)
      ASSERT_TRUE(c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)) << line;
    for (const char c : line.substr(0, colon)) {
      ASSERT_TRUE(std::string_view("()<>@,;:\\\"/[]?={} \t").find(c) == std::string_view::npos &&
                  static_cast<unsigned char>(c) < 0x7f)
          << line;
    }
    const std::string name = line.substr(0, colon);
    content_types += name == "Content-Type";
    for (const char* framing : {"Content-Length", "Transfer-Encoding", "Connection", "Host", "Expect",
                                "Upgrade", "Te", "Trailer", "Content_length", "Transfer_encoding"}) {
      EXPECT_NE(name, framing);
    }
    begin = end + 2;
  }
  EXPECT_EQ(content_types, 1U);
}

TEST(EventHeaders, SendsMetadataInGosSpelling) {
  const std::string out =
      headers({.metadata = {{"Foo", "bar"}, {"readTimeUTC", "now"}, {"x-multi-part", ""}}});
  EXPECT_TRUE(has(out, "Content-Type: application/json"));
  EXPECT_TRUE(has(out, "Foo: bar"));
  EXPECT_TRUE(has(out, "Readtimeutc: now"));
  EXPECT_TRUE(has(out, "X-Multi-Part: "));
  EXPECT_TRUE(has(out, "Cleat-Attempt: 1"));
}

TEST(EventHeaders, SendsExactlyWhatDaprdSendsWhenStrict) {
  const std::string out = strict_headers({.content_type = "text/plain",
                                          .source_id = "t/1@2",
                                          .metadata = {{"Foo", "bar"},
                                                       {"x-bin", "y"},
                                                       {"Content-Type", "text/plain"},
                                                       {"__key", "k"},
                                                       {"connection", "x-hop"},
                                                       {"X-Hop", "1"},
                                                       {"destination-app-id", "a"},
                                                       {"grpc-x", "g"},
                                                       {":path", "/p"},
                                                       {"bad name", "z"},
                                                       {"content-length", "5"}}});
  EXPECT_EQ(out,
            "Content-Type: application/json\r\nUser-Agent: cleat/1\r\nFoo: bar\r\n__key: k\r\nDapr-Grpc-X: "
            "g\r\nDapr-Path: /p\r\n");
}

TEST(EventHeaders, LetsTheMessageNameTheAgentOnlyWhenStrict) {
  EXPECT_TRUE(has(strict_headers({.metadata = {{"user-agent", "mine"}}}), "User-Agent: mine"));
  EXPECT_FALSE(has(strict_headers({.metadata = {{"user-agent", "mine"}}}), "User-Agent: cleat/1"));
  const std::string ours = headers({.metadata = {{"user-agent", "mine"}}});
  EXPECT_TRUE(has(ours, "User-Agent: cleat/1"));
  EXPECT_TRUE(has(ours, "Cleat-Src-User-Agent: mine"));
}

TEST(EventHeaders, KeepsTheHostsNamesForTheHost) {
  const std::string out = headers({.metadata = {{"authorization", "a"},
                                                {"Cookie", "b"},
                                                {"host", "evil"},
                                                {"content-length", "99"},
                                                {"Transfer-Encoding", "chunked"},
                                                {"content_length", "98"},
                                                {"expect", "100-continue"},
                                                {"cleat-attempt", "7"},
                                                {"CLEAT_ATTEMPT", "8"},
                                                {"dapr-api-token", "t"},
                                                {"x-bin", "y"}}});
  for (const char* line :
       {"Cleat-Src-Authorization: a", "Cleat-Src-Cookie: b", "Cleat-Src-Host: evil",
        "Cleat-Src-Content-Length: 99", "Cleat-Src-Transfer-Encoding: chunked",
        "Cleat-Src-Content_length: 98", "Cleat-Src-Cleat-Attempt: 7", "Cleat-Src-Cleat_attempt: 8",
        "Cleat-Src-Dapr-Api-Token: t", "Cleat-Src-X-Bin: y", "Cleat-Attempt: 1"}) {
    EXPECT_TRUE(has(out, line)) << line << "\n" << out;
  }
  expect_harmless(out);
}

TEST(EventHeaders, NamesTheSourcesOwnValuesTwice) {
  const std::string out = headers(
      {.metadata = {{"__message_id", "1"}, {"__key", "k"}, {"__key", "forged"}, {"key", "of the message"}}});
  for (const char* line : {"__message_id: 1", "Cleat-Kafka-Message-Id: 1", "__key: k", "Cleat-Kafka-Key: k",
                           "Key: of the message", "Cleat-Src-__key: forged"}) {
    EXPECT_TRUE(has(out, line)) << line << "\n" << out;
  }
  EXPECT_FALSE(has(out, "Cleat-Kafka-Key: forged"));
}

TEST(EventHeaders, EncodesWhatIsNotLegal) {
  const std::string out = headers({.source_id = "a\nb",
                                   .metadata = {{"lines", "a\r\nInjected: x%"},
                                                {"na me\r\nX: y", "v"},
                                                {"", "v"},
                                                {"utf", "\xc3\xa9"},
                                                {"percent", "50%"}}});
  EXPECT_TRUE(has(out, "Lines: a%0D%0AInjected: x%25"));
  EXPECT_TRUE(has(out, "Cleat-Kafka-Na%20me%0d%0ax%3a%20y: v")) << out;
  EXPECT_TRUE(has(out, "Cleat-Event-Id: a%0Ab"));
  EXPECT_TRUE(has(out, "Utf: \xc3\xa9"));
  EXPECT_TRUE(has(out, "Percent: 50%"));
  expect_harmless(out);
}

TEST(EventHeaders, TellsTheAttemptAndTheFirstTime) {
  auto event = make_event(
      {.source_id = "t/0@5", .delivery_count = 3, .first_seen_wall_ns = 1'700'000'000'000'000'000});
  event->attempts = 2;
  std::string out;
  http::WallText wall;
  http::append_event_headers(out, *event, {}, wall);
  EXPECT_TRUE(has(out, "Cleat-Attempt: 4")) << out;
  EXPECT_TRUE(has(out, "Cleat-First-Seen: 2023-11-14T22:13:20.000Z")) << out;
  EXPECT_TRUE(has(out, "Cleat-Event-Id: t/0@5"));
}

TEST(EventHeaders, SendsTheSourcesContentTypeWhereAskedFor) {
  const EventText text{.content_type = "text/xml"};
  EXPECT_TRUE(has(headers(text), "Content-Type: application/json"));
  EXPECT_TRUE(has(headers(text), "Cleat-Content-Type: text/xml"));
  http::EventHeaderOptions options;
  options.content_type_from_source = true;
  EXPECT_TRUE(has(headers(text, options), "Content-Type: text/xml"));
  expect_harmless(headers({.content_type = "a\r\nContent-Length: 5"}, options));
}

TEST(EventHeaders, PassesTheTraceOnOnce) {
  EXPECT_TRUE(has(headers({.traceparent = "00-a"}), "Traceparent: 00-a"));
  const std::string from_message = headers({.metadata = {{"traceparent", "00-b"}}});
  EXPECT_TRUE(has(from_message, "Traceparent: 00-b"));
  EXPECT_EQ(from_message.find("Cleat-Src-"), std::string::npos);
  const std::string both = headers({.metadata = {{"Traceparent", "00-b"}}, .traceparent = "00-a"});
  EXPECT_TRUE(has(both, "Traceparent: 00-a"));
  EXPECT_TRUE(has(both, "Cleat-Src-Traceparent: 00-b"));
}

TEST(EventHeaders, SendsASecondTraceAndOneThatIsNoneAsTheMessages) {
  const std::string two = headers({.metadata = {{"traceparent", "00-a"}, {"Traceparent", "00-b"}}});
  EXPECT_TRUE(has(two, "Traceparent: 00-a"));
  EXPECT_TRUE(has(two, "Cleat-Src-Traceparent: 00-b")) << two;
  EXPECT_TRUE(has(headers({.metadata = {{"baggage", "a\nb"}}}), "Cleat-Src-Baggage: a%0Ab"));
}

TEST(EventHeaders, EncodesWhatReadersWouldCutOrRefuse) {
  const std::string out = headers({.metadata = {{"edges", " a b\t"}, {"bytes", "\xff%"}, {"inner", "a\tb"}}});
  EXPECT_TRUE(has(out, "Edges: %20a b%09")) << out;
  EXPECT_TRUE(has(out, "Bytes: %FF%25"));
  EXPECT_TRUE(has(out, "Inner: a\tb"));
}

TEST(EventHeaders, CountsWhatIsWrittenAgainstTheBound) {
  const std::string out = headers({.metadata = {{"zeros", std::string(60'000, '\0')}, {"small", "v"}}});
  EXPECT_LT(out.size(), 1000U);
  EXPECT_TRUE(has(out, "Small: v"));
  EXPECT_TRUE(has(out, "Cleat-Headers-Left-Out: 1"));
}

TEST(EventHeaders, SurviveHostileMetadata) {
  EventText text{.content_type = std::string(70'000, 'c'), .source_id = std::string(70'000, 's')};
  for (int i = 0; i < 5000; ++i) {
    text.metadata.emplace_back("connection", "x" + std::to_string(i) + ", close");
    text.metadata.emplace_back(std::string("na\0me \r\n", 9) + std::to_string(i),
                               std::string("\r\n\0\x7f", 4));
    text.metadata.emplace_back("content-length", "5");
    text.metadata.emplace_back("large", std::string(i == 7 ? 70'000 : 3, '\n'));
  }
  for (const bool strict : {false, true}) {
    http::EventHeaderOptions options;
    options.strict_dapr = strict;
    options.content_type_from_source = true;
    const std::string out = headers(text, options);
    expect_harmless(out);
    EXPECT_LT(out.size(), options.max_bytes + 100);
    EXPECT_TRUE(has(out, "Content-Type: application/json"));
    EXPECT_EQ(has(out, "Cleat-Attempt: 1"), !strict);
  }
}

TEST(WallText, IsWhatFormatWallNsSays) {
  http::WallText wall;
  for (const std::uint64_t ns : {1'700'000'000'000'000'000ULL, 1'700'000'000'999'999'999ULL,
                                 1'700'000'001'012'000'000ULL, 1'700'000'000'007'000'000ULL, 1ULL}) {
    EXPECT_EQ(wall.of(ns), format_wall_ns(ns));
  }
}

TEST(EventHeaders, AreBounded) {
  EventText text;
  for (int i = 0; i < 1000; ++i)
    text.metadata.emplace_back("n" + std::to_string(i), "v");
  const std::string many = headers(text);
  EXPECT_TRUE(has(many, "N200: v"));
  EXPECT_FALSE(has(many, "N999: v"));
  EXPECT_TRUE(has(many, "Cleat-Headers-Left-Out: 747")) << many.substr(many.size() - 100);
  const std::string large = headers({.metadata = {{"large", std::string(100'000, 'x')}, {"small", "v"}}});
  EXPECT_LT(large.size(), 1000U);
  EXPECT_TRUE(has(large, "Small: v"));
}

}  // namespace
}  // namespace cleat
