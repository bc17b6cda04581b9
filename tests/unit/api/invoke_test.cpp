#include "api/invoke.hpp"

#include <gtest/gtest.h>

#include <string>

#include "fake_host_view.hpp"

namespace cleat {
namespace {

using testing::FakeHostView;
using testing::FakeOutputPort;

class InvokeTest : public ::testing::TestWithParam<bool> {
 protected:
  InvokeTest() {
    host_.outputs.push_back({"k", {"create", "get"}, &port_, "", false});
    host_.outputs.push_back({"down", {"create"}, nullptr, "no broker", false});
    host_.outputs.push_back({"new", {}, nullptr, "it is still starting", false});
  }
  [[nodiscard]] bool strict() const { return GetParam(); }

  InvokeOutcome invoke(std::string_view body, InvokeCall call = {.binding = "k"}) {
    Invoker invoker(host_, strict(), 3);
    InvokeOutcome seen;
    int answers = 0;
    invoker.invoke(call, body, [&](InvokeOutcome&& outcome) {
      seen = std::move(outcome);
      ++answers;
    });
    EXPECT_EQ(answers, 1);
    return seen;
  }
  /// What the output gets for this body.
  OutputRequest asked(std::string_view body) {
    const InvokeOutcome outcome = invoke(body);
    EXPECT_EQ(outcome.message, "") << body;
    return port_.requests.empty() ? OutputRequest{} : std::move(port_.requests.back());
  }
  void expect_malformed(std::string_view body) {
    const InvokeOutcome outcome = invoke(body);
    EXPECT_EQ(outcome.code, InvokeCode::malformed) << body;
    EXPECT_TRUE(outcome.message.starts_with("failed deserializing HTTP body: ")) << outcome.message;
    EXPECT_TRUE(port_.requests.empty()) << body;
  }

  FakeOutputPort port_;
  FakeHostView host_;
};

INSTANTIATE_TEST_SUITE_P(Modes, InvokeTest, ::testing::Values(false, true),
                         [](const auto& one) { return one.param ? "StrictDapr" : "Ours"; });

TEST_P(InvokeTest, HandsDataOverAsItsOwnText) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"operation":"create","data":"hi"})", R"("hi")"},
      {R"({"operation":"create"})", "null"},
      {R"({"operation":"create","data":null})", "null"},
      {R"({"operation":"create","data":{"z": 1.50, "a": [ 12345678901234567890, "<" ]}})",
       R"({"z":1.50,"a":[12345678901234567890,"<"]})"},
      {R"({"operation":"create","data":1,"data":2})", "2"},
      {R"({"OPERATION":"create","Data":true,"other":[{}]})", "true"},
  };
  for (const auto& [body, data] : cases)
    EXPECT_EQ(asked(body).data, data) << body;
  EXPECT_EQ(port_.shards.back(), 3U);
}

TEST_P(InvokeTest, TakesMetadataOfStrings) {
  const OutputRequest request =
      asked(R"({"operation":"create","metadata":{"a":"1","b":"\u00e9","a":"2","n":null}})");
  EXPECT_EQ(request.metadata, (Pairs{{"a", "2"}, {"b", "\xc3\xa9"}, {"n", ""}}));
}

TEST_P(InvokeTest, KeepsTheLastOfManyDoubledNames) {
  std::string body = R"({"operation":"create","metadata":{)";
  for (int i = 0; i < 200; ++i)
    body += "\"k" + std::to_string(i % 50) + "\":\"" + std::to_string(i) + "\",";
  const OutputRequest request = asked(body + R"("last":"x"}})");
  ASSERT_EQ(request.metadata.size(), 51U);
  EXPECT_EQ(request.metadata[0], (std::pair<std::string, std::string>("k0", "150")));
  EXPECT_EQ(request.metadata[49], (std::pair<std::string, std::string>("k49", "199")));
}

TEST_P(InvokeTest, RefusesWhatCannotBeRead) {
  for (const char* body :
       {"", "[]", "\"x\"", "{", R"({"operation":1})", R"({"operation":"create","metadata":{"a":{}}})",
        R"({"operation":"create","metadata":{"a":[]}})", R"({"operation":"create","metadata":{"a":1}})",
        R"({"operation":"create","metadata":{"a":true}})", R"({"operation":"create","metadata":"x"})",
        R"({"operation":"create","data":01})", R"({"operation":"create","data":[1,]})"}) {
    expect_malformed(body);
  }
  EXPECT_EQ(invoke("").message, "failed deserializing HTTP body: EOF");
}

TEST_P(InvokeTest, ReadsListsAndNothingBehindTheValueByMode) {
  const std::pair<std::string_view, Pairs> lenient[] = {
      {R"([{"key": "redis-key-1"}])", {{"key", "redis-key-1"}}},
      {R"([{"a":"1"},{"b":"2","c":"3"}])", {{"a", "1"}, {"b", "2"}, {"c", "3"}}},
      {R"([{"name":"n","value":"v"},{"value":"w","key":"k"}])", {{"n", "v"}, {"k", "w"}}},
      {"[]", {}},
  };
  for (const auto& [metadata, pairs] : lenient) {
    const std::string body = R"({"operation":"create","metadata":)" + std::string(metadata) + "}";
    if (strict()) {
      expect_malformed(body);
    } else {
      EXPECT_EQ(asked(body).metadata, pairs) << body;
    }
  }
  const InvokeOutcome behind = invoke(R"({"operation":"create"} garbage)");
  EXPECT_EQ(behind.code, strict() ? InvokeCode::no_body : InvokeCode::malformed);
}

TEST_P(InvokeTest, SaysWhatDaprdSays) {
  EXPECT_EQ(invoke("null").message,
            "error invoking output binding k: operation field is missing from request");
  EXPECT_EQ(invoke("{}").message, "error invoking output binding k: operation field is missing from request");
  EXPECT_EQ(invoke(R"({"operation":"nope"})").message,
            "error invoking output binding k: binding k does not support operation nope. supported "
            "operations:create get");
  EXPECT_EQ(invoke(R"({"operation":"create"})", {.binding = "x"}).message,
            "error invoking output binding x: couldn't find output binding x");
  EXPECT_EQ(invoke(R"({"operation":"create"})", {.binding = "down"}).message,
            strict() ? "error invoking output binding down: couldn't find output binding down"
                     : "error invoking output binding down: the component is not running: no broker");
  EXPECT_EQ(invoke(R"({"operation":"create"})", {.binding = "new"}).message,
            strict()
                ? "error invoking output binding new: couldn't find output binding new"
                : "error invoking output binding new: the component is not running: it is still starting");
}

TEST_P(InvokeTest, ChecksInDaprdsOrder) {
  const InvokeCall bad_baggage{.binding = "x", .baggage = "broken"};
  EXPECT_EQ(invoke("", bad_baggage).message, "failed deserializing HTTP body: EOF");
  EXPECT_TRUE(invoke("{}", bad_baggage).message.starts_with("invalid baggage header: "));
  EXPECT_NE(invoke("{}", {.binding = "x"}).message.find("operation field is missing"), std::string::npos);
}

TEST_P(InvokeTest, FillsInWhatTheMethodMeans) {
  invoke("", {.binding = "k", .default_operation = "get", .empty_body_is_empty_request = true});
  ASSERT_EQ(port_.requests.size(), 1U);
  EXPECT_EQ(port_.requests[0].operation, "get");
  EXPECT_EQ(port_.requests[0].data, "null");
}

TEST_P(InvokeTest, PutsTheTraceIntoTheMetadataToo) {
  invoke(R"({"operation":"create","metadata":{"traceparent":"mine","tracestate":"kept"}})",
         {.binding = "k", .traceparent = "00-given", .baggage = "a=b"});
  ASSERT_EQ(port_.requests.size(), 1U);
  EXPECT_EQ(port_.requests[0].traceparent, "00-given");
  EXPECT_EQ(port_.requests[0].tracestate, "");
  EXPECT_EQ(port_.requests[0].baggage, "a=b");
  EXPECT_EQ(port_.requests[0].metadata,
            (Pairs{{"traceparent", "00-given"}, {"tracestate", "kept"}, {"baggage", "a=b"}}));
}

TEST_P(InvokeTest, TellsBodyNoBodyAndFailureApart) {
  EXPECT_EQ(invoke(R"({"operation":"create"})").code, InvokeCode::no_body);
  port_.make_result = [](const OutputRequest&) { return testing::result_with_body(""); };
  EXPECT_EQ(invoke(R"({"operation":"create"})").code, InvokeCode::answered);
  port_.make_result = [](const OutputRequest&) {
    OutputResult failed;
    failed.status = CLEAT_UNAVAILABLE;
    failed.error = "no route";
    failed.metadata = {{"statusCode", "404"}};
    return failed;
  };
  const InvokeOutcome outcome = invoke(R"({"operation":"create"})");
  EXPECT_EQ(outcome.code, InvokeCode::failed);
  EXPECT_EQ(outcome.message, "error invoking output binding k: no route");
  EXPECT_EQ(outcome.metadata, (Pairs{{"statusCode", "404"}}));
  EXPECT_EQ(status_name(outcome.status), "UNAVAILABLE");
  EXPECT_EQ(status_name(99), "INTERNAL");
}

}  // namespace
}  // namespace cleat
