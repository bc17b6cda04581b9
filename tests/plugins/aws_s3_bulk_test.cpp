#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "plugins/aws_s3_fixture.hpp"

namespace cleat::s3 {
namespace {

TEST_F(S3Test, SeveralUploadsThatAreOutAtTheStopAreTakenAway) {
  run([this](const Asked& asked) {
    if (has(asked, "partNumber=")) server->wait_for("never", 1);
    return usual(asked);
  });
  const std::string large = std::string(kPart + 1, 'x');
  const Completion& begun = driver.invoke(
      "bulkCreate",
      R"({"items":[{"key":"a","data":")" + large + R"("},{"key":"b","data":")" + large + R"("}]})", {}, 60s);
  server->wait_for("partNumber=2&", 2);
  EXPECT_EQ(driver.stop().status, CLEAT_OK);
  EXPECT_EQ(host.completion(begun).status, CLEAT_CANCELLED);
  EXPECT_EQ(server->count("DELETE /box/"), 2U);
}

TEST_F(S3Test, DeletesAThousandKeysAtATime) {
  run([](const Asked& asked) {
    if (asked.body.find("<Key>k0</Key>") == std::string::npos) return error_answer("500 Oh", "InternalError");
    return answer("200 OK",
                  "<DeleteResult><Error><Key>k7</Key><Code>AccessDenied</Code><Message>no</Message></Error></"
                  "DeleteResult>");
  });
  std::string data = "{\"keys\":[\"k0\"";
  for (int i = 0; i < 1001; ++i)
    data += ",\"k" + std::to_string(i) + "\"";
  const Completion done = call("bulkDelete", data + "]}", {});
  EXPECT_EQ(done.status, CLEAT_OK);
  EXPECT_EQ(server->count("POST /box?delete= "), 2U);
  EXPECT_EQ(server->count("Content-MD5: "), 2U);
  EXPECT_EQ(done.data.rfind("[{\"key\":\"k0\"},{\"key\":\"k1\"},", 0), 0U);
  EXPECT_NE(done.data.find("{\"key\":\"k7\",\"error\":\"AccessDenied: no\"}"), std::string::npos);
  EXPECT_NE(done.data.find("{\"key\":\"k1000\",\"error\":\"S3 DeleteObjects: InternalError"),
            std::string::npos);
}

TEST_F(S3Test, ABulkGetIsBounded) {
  run([](const Asked&) { return answer("200 OK", std::string(400, 'x'), "ETag: \"e\"\r\n"); });
  const Completion done =
      call("bulkGet", R"({"concurrency":1,"items":[{"key":"a"},{"key":"b"},{"key":"c"}]})", {});
  EXPECT_EQ(done.status, CLEAT_OK);
  EXPECT_NE(done.data.find("{\"key\":\"b\",\"data\":\"xx"), std::string::npos);
  EXPECT_NE(done.data.find("{\"key\":\"c\",\"error\":"), std::string::npos) << done.data;
}

TEST_F(S3Test, ABulkGetReadsWhatIsLargeLastAndAlone) {
  std::atomic<int> out{0}, beside{0};
  run([&](const Asked& asked) {
    const int now = ++out;
    const bool is_large = has(asked, "/large ");
    if (is_large && server->count("/large ") > 1) beside = now - 1;
    --out;
    return answer("200 OK", std::string(is_large ? 900 : 10, 'x'), "ETag: \"e\"\r\n");
  });
  const Completion done = call(
      "bulkGet", R"({"concurrency":4,"items":[{"key":"large"},{"key":"b"},{"key":"c"},{"key":"d"}]})", {});
  EXPECT_EQ(done.data.rfind("[{\"key\":\"large\",\"data\":\"xxx", 0), 0U) << done.data;
  EXPECT_EQ(done.data.find("error"), std::string::npos) << done.data;
  EXPECT_EQ(server->count("GET /box/large"), 2U);
  EXPECT_EQ(beside, 0);
}

TEST_F(S3Test, ABulkCallThatIsCancelledEnds) {
  run([this](const Asked&) {
    server->wait_for("never", 1);
    return std::string();
  });
  const Completion& begun = driver.invoke("bulkGet", R"({"items":[{"key":"a"},{"key":"b"}]})", {}, 60s);
  server->wait_for("GET /box/", 2);
  driver.cancel(1);
  EXPECT_EQ(end_of(begun).status, CLEAT_CANCELLED);
}

}  // namespace
}  // namespace cleat::s3
