#include <gtest/gtest.h>

#include <string>

#include "server_fixture.hpp"

namespace cleat {
namespace {

using testing::RawMessage;
using testing::RawSocket;
using testing::ServerTest;

class ApiTest : public ServerTest {};

TEST_F(ApiTest, AnswersAsDaprdDoes) {
  start();
  const RawMessage created = ask(post("/v1.0/bindings/k", kCreate));
  EXPECT_EQ(created.status(), 204);
  EXPECT_EQ(created.header("content-length"), "-");
  EXPECT_EQ(created.header("content-type"), "-");

  const RawMessage unknown = ask(post("/v1.0/bindings/x", kCreate));
  EXPECT_EQ(unknown.status(), 500);
  EXPECT_EQ(unknown.header("content-type"), "application/json");
  EXPECT_EQ(unknown.header("cleat-status"), "NOT_FOUND");
  EXPECT_EQ(
      unknown.body,
      R"({"errorCode":"ERR_INVOKE_OUTPUT_BINDING","message":"error invoking output binding x: couldn't find output binding x"})");

  const RawMessage empty = ask(post("/v1.0/bindings/k", ""));
  EXPECT_EQ(empty.status(), 400);
  EXPECT_EQ(empty.body,
            R"({"errorCode":"ERR_MALFORMED_REQUEST","message":"failed deserializing HTTP body: EOF"})");

  const RawMessage nowhere = ask(get("/nowhere"));
  EXPECT_EQ(nowhere.status(), 404);
  EXPECT_EQ(
      nowhere.body,
      R"({"errorCode":"ERR_DIRECT_INVOKE","message":"failed getting app id either from the URL path or the header dapr-app-id"})");
}

TEST_F(ApiTest, TakesTheRequestOf2019) {
  start();
  EXPECT_EQ(
      ask(post("/v1.0/bindings/k", R"({"data": {"message": "Hi"}, "metadata": [{"key": "redis-key-1"}]})"))
          .status(),
      204);
  EXPECT_EQ(ask(get("/v1.0/bindings/k")).status(), 204);
  EXPECT_EQ(ask(get("/v1.0/bindings/k", "DELETE")).status(), 204);
  ASSERT_EQ(port_.requests.size(), 3U);
  EXPECT_EQ(port_.requests[0].operation, "create");
  EXPECT_EQ(port_.requests[0].data, R"({"message":"Hi"})");
  EXPECT_EQ(port_.requests[0].metadata, (Pairs{{"key", "redis-key-1"}}));
  EXPECT_EQ(port_.requests[1].operation, "get");
  EXPECT_EQ(port_.requests[2].operation, "delete");
}

TEST_F(ApiTest, LeavesTheCourtesiesOutWhenStrict) {
  options_.router.strict_dapr = true;
  start();
  EXPECT_EQ(ask(get("/v1.0/bindings/k")).status(), 404);
  EXPECT_EQ(ask(get("/v1.0/bindings/k", "DELETE")).status(), 404);
  EXPECT_NE(ask(post("/v1.0/bindings/k", "{}")).body.find("operation field is missing from request"),
            std::string::npos);
  EXPECT_EQ(ask(post("/v1.0/bindings/k", std::string(kCreate) + "garbage")).status(), 204);
}

TEST_F(ApiTest, CleansPathsAndUnescapesNames) {
  host_.outputs.push_back({"a b+c/d", {"create"}, &port_, "", false});
  start();
  for (const char* path :
       {"//v1.0/./x/../bindings//k/", "/v1.0/bindings/k?x=1", "http://any:1/v1.0/bindings/k",
        "/v1.0/bindings/%6b", "/v1.0/bindings/a+b%2Bc%2Fd"}) {
    EXPECT_EQ(ask(post(path, kCreate)).status(), 204) << path;
  }
  EXPECT_EQ(ask(post("/v1.0/bindings/%zz", kCreate)).status(), 400);
  for (const char* path : {"/v1.0/bindings/", "/v1.0/bindings", "/v1.0/bindings/k/x", "*"}) {
    EXPECT_EQ(ask(post(path, kCreate)).status(), 404) << path;
  }
  EXPECT_EQ(ask(get("/v1.0/bindings/k", "PATCH")).status(), 404);
}

TEST_F(ApiTest, SendsResponseMetadataAlsoOnFailure) {
  port_.make_result = [](const OutputRequest& request) {
    OutputResult result = testing::result_with_body("x");
    result.metadata = {{"statusCode", "201"}, {"not a name", "x"}, {"lines", "a\r\nb: c"}};
    if (request.operation == "get") {
      result.status = CLEAT_THROTTLED;
      result.error = "slow <down>";
    }
    return result;
  };
  start();
  const RawMessage good = ask(post("/v1.0/bindings/k", kCreate));
  EXPECT_EQ(good.status(), 200);
  EXPECT_EQ(good.body, "x");
  EXPECT_EQ(good.header("content-type"), "application/json");
  EXPECT_EQ(good.header("Metadata.statuscode"), "201");
  EXPECT_EQ(good.header("metadata.lines"), "a  b: c");
  EXPECT_EQ(good.head.find("not a name"), std::string::npos);
  const RawMessage failed = ask(post("/v1.0/bindings/k", R"({"operation":"get"})"));
  EXPECT_EQ(failed.status(), 500);
  EXPECT_EQ(failed.header("metadata.statusCode"), "201");
  EXPECT_EQ(failed.header("cleat-status"), "THROTTLED");
  EXPECT_NE(failed.body.find(R"(slow \u003cdown\u003e)"), std::string::npos);
  // What came with the failure stands beside it: "x" is no JSON.
  EXPECT_NE(failed.body.find(R"(","data":"eA==","base64":true})"), std::string::npos) << failed.body;
}

TEST_F(ApiTest, AFailuresAnswerStandsInItAsItIs) {
  port_.make_result = [](const OutputRequest& request) {
    OutputResult result = testing::result_with_body(request.operation == "get" ? R"({"n": 1.0})" : "");
    result.status = CLEAT_REMOTE;
    result.error = "no";
    return result;
  };
  start();
  const std::string error =
      R"({"errorCode":"ERR_INVOKE_OUTPUT_BINDING","message":"error invoking output binding k: no")";
  EXPECT_EQ(ask(post("/v1.0/bindings/k", R"({"operation":"get"})")).body, error + R"(,"data":{"n": 1.0}})");
  EXPECT_EQ(ask(post("/v1.0/bindings/k", kCreate)).body, error + "}");
}

TEST_F(ApiTest, TellsTheStatusByItsOwnCodeWhereAskedFor) {
  host_.outputs[0].rich_status = true;
  port_.make_result = [](const OutputRequest&) {
    OutputResult result;
    result.status = CLEAT_TIMEOUT;
    return result;
  };
  start();
  EXPECT_EQ(ask(post("/v1.0/bindings/k", kCreate)).status(), 504);
  EXPECT_EQ(ask(post("/v1.0/bindings/k", R"({"operation":"nope"})")).status(), 400);
}

TEST_F(ApiTest, HasHealthMetadataAndShutdown) {
  start();
  EXPECT_EQ(ask(get("/v1.0/healthz")).status(), 204);
  EXPECT_EQ(ask(get("/v1.0/healthz?appid=app")).status(), 204);
  EXPECT_EQ(ask(get("/v1.0/healthz?appid=other")).status(), 500);
  EXPECT_EQ(ask(get("/v1.0/healthz/outbound")).status(), 204);
  EXPECT_EQ(ask("PUT /v1.0/metadata/my%20key HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nvalue").status(),
            204);
  EXPECT_NE(ask(get("/v1.0/metadata")).body.find(R"("my key":"value")"), std::string::npos);
  EXPECT_EQ(ask(post("/v1.0/shutdown", "")).status(), 204);
  EXPECT_EQ(ask(post("/v1.0/shutdown", "", "dapr-force-shutdown: true\r\n")).status(), 204);
  on_loop([&] { EXPECT_EQ(host_.shutdowns, (std::vector<bool>{false, true})); });
}

TEST_F(ApiTest, AsksForTheTokenBeforeAnythingElse) {
  options_.router.api_token = "secret";
  start();
  const RawMessage refused = ask(post("/v1.0/bindings/k", "broken"));
  EXPECT_EQ(refused.status(), 401);
  EXPECT_EQ(refused.body, "invalid api token\n");
  EXPECT_EQ(ask(post("/v1.0/bindings/k", kCreate, "dapr-api-token: secreT\r\n")).status(), 401);
  EXPECT_EQ(ask(post("/v1.0/bindings/k", kCreate, "Dapr-Api-Token: secret\r\n")).status(), 204);
  EXPECT_EQ(ask(get("/v1.0/healthz")).status(), 204);
  EXPECT_EQ(ask(post("/v1.0/healthz", "")).status(), 401);
  EXPECT_EQ(ask(get("/v1.0/metadata")).status(), 401);
}

TEST_F(ApiTest, PassesTheTraceOnAndRefusesBadBaggage) {
  start();
  EXPECT_EQ(ask(post("/v1.0/bindings/k", kCreate, "traceparent: 00-x\r\nbaggage: a=b\r\nbaggage: c=d\r\n"))
                .status(),
            204);
  EXPECT_EQ(port_.requests.at(0).traceparent, "00-x");
  EXPECT_EQ(port_.requests.at(0).baggage, "a=b,c=d");
  const RawMessage bad = ask(post("/v1.0/bindings/k", kCreate, "baggage: =\r\n"));
  EXPECT_EQ(bad.status(), 400);
  EXPECT_NE(bad.body.find("invalid baggage header: "), std::string::npos);
}

}  // namespace
}  // namespace cleat
