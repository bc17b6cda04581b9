#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "plugins/aws_s3_fixture.hpp"

namespace cleat::s3 {
namespace {

TEST_F(S3Test, SignsWhatItSends) {
  run(usual);
  EXPECT_EQ(call("create", "\"text\"", {{"key", "a b"}}).status, CLEAT_OK);
  EXPECT_EQ(server->count("PUT /box/a%20b HTTP/1.1"), 1U);
  EXPECT_EQ(server->count("/eu-west-1/s3/aws4_request"), 1U);
  EXPECT_EQ(server->count("X-Amz-Security-Token: planted-token"), 1U);
  // SHA-256 of "text"
  EXPECT_EQ(
      server->count("x-amz-content-sha256: 982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"),
      1U);
  EXPECT_EQ(server->count("Content-Type: binary/octet-stream\r\n"), 1U);
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_UP);
}

TEST_F(S3Test, WritesALargeObjectInPartsFourAtATime) {
  std::atomic<int> out{0}, most{0};
  run([&](const Asked& asked) {
    if (!has(asked, "partNumber=")) return usual(asked);
    const int now = ++out;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    server->note("begun");
    server->wait_for("begun", 4);
    --out;
    return usual(asked);
  });
  const Completion done = call("create", std::string(6 * kPart + 1, 'x'), {{"key", "b"}, {"tags", "a=1"}});
  EXPECT_EQ(done.status, CLEAT_OK) << done.text;
  EXPECT_EQ(done.header("ETag"), "\"e-2\"");
  EXPECT_EQ(most, 4);
  EXPECT_EQ(server->count("uploadId=U%261"), 8U);  // seven parts and the end
  EXPECT_EQ(server->count("<PartNumber>7</PartNumber><ETag>\"e\"</ETag></Part></Complete"), 1U);
  EXPECT_EQ(server->count("x-amz-tagging: a=1"), 1U);
  EXPECT_EQ(server->count("DELETE"), 0U);
}

TEST_F(S3Test, AnUploadThatBreaksOffIsTakenAway) {
  run([](const Asked& asked) {
    return has(asked, "partNumber=2&") ? error_answer("500 Oh", "InternalError") : usual(asked);
  });
  const Completion done = call("create", std::string(2 * kPart, 'x'), {{"key", "b"}});
  EXPECT_EQ(done.status, CLEAT_REMOTE);
  EXPECT_TRUE(done.is_retryable());
  EXPECT_EQ(done.text.rfind("s3 binding error: uploading failed: S3 UploadPart: InternalError", 0), 0U)
      << done.text;
  server->wait_for("DELETE /box/b?uploadId=U%261", 1);
  EXPECT_EQ(server->count("POST /box/b?uploadId"), 0U);
}

TEST_F(S3Test, AnErrorInsideOfASuccessIsOne) {
  run([](const Asked& asked) {
    return has(asked, "POST") && !has(asked, "uploads=") ? error_answer("200 OK", "InternalError")
                                                         : usual(asked);
  });
  const Completion done = call("create", std::string(2 * kPart, 'x'), {{"key", "b"}});
  EXPECT_EQ(done.status, CLEAT_REMOTE);
  EXPECT_TRUE(done.is_retryable());
  EXPECT_NE(done.text.find("S3 CompleteMultipartUpload: InternalError: It is so. (request id R-1)"),
            std::string::npos)
      << done.text;
  server->wait_for("DELETE /box/b?uploadId=U%261", 1);
}

TEST_F(S3Test, WhatSomebodyElseAnswersIsNoSuccess) {
  run([](const Asked&) { return answer("200 OK", "<html>Please log in</html>"); });
  const Completion done = call("create", "x", {{"key", "b"}});
  EXPECT_EQ(done.status, CLEAT_REMOTE);
  EXPECT_TRUE(done.is_retryable());
  EXPECT_NE(done.text.find("S3 PutObject: the answer is not what was expected: is the endpoint S3?"),
            std::string::npos)
      << done.text;
  for (const std::string operation : {"get", "delete"}) {
    const Completion other = call(operation, "", {{"key", "b"}});
    EXPECT_EQ(other.status, CLEAT_REMOTE) << operation;
    EXPECT_TRUE(other.is_retryable()) << operation;
    EXPECT_NE(other.text.find("is the endpoint S3?"), std::string::npos) << other.text;
  }
  const Completion bulk = call("bulkGet", R"({"items":[{"key":"b"}]})", {});
  EXPECT_NE(bulk.data.find("is the endpoint S3?"), std::string::npos) << bulk.data;
}

TEST_F(S3Test, WhatSpeaksAsS3DoesIsTaken) {
  run([](const Asked& asked) {
    return answer("200 OK", has(asked, "GET") ? "bytes" : "",
                  has(asked, "/tagged ") ? "ETag: \"e\"\r\n" : "X-Amz-Request-Id: R-3\r\n");
  });
  for (const char* key : {"tagged", "named"})
    EXPECT_EQ(call("get", "", {{"key", key}}).data, "bytes") << key;
  EXPECT_EQ(call("delete", "", {{"key", "named"}}).status, CLEAT_OK);
}

TEST_F(S3Test, ACancelledUploadIsTakenAway) {
  run([this](const Asked& asked) {
    if (has(asked, "partNumber=")) server->wait_for("never", 1);
    return usual(asked);
  });
  const Completion& begun = driver.invoke("create", std::string(3 * kPart, 'x'), {{"key", "b"}}, 60s);
  server->wait_for("partNumber=1&", 1);
  driver.cancel(1);
  const Completion done = end_of(begun);
  EXPECT_EQ(done.status, CLEAT_CANCELLED);
  server->wait_for("DELETE /box/b?uploadId=U%261", 1);
}

TEST_F(S3Test, AnUploadThatIsOutAtTheStopIsTakenAway) {
  run([this](const Asked& asked) {
    if (has(asked, "partNumber=")) server->wait_for("never", 1);
    return usual(asked);
  });
  const Completion& begun = driver.invoke("create", std::string(3 * kPart, 'x'), {{"key", "b"}}, 60s);
  server->wait_for("partNumber=1&", 1);
  EXPECT_EQ(driver.stop().status, CLEAT_OK);
  EXPECT_EQ(host.completion(begun).status, CLEAT_CANCELLED);
  EXPECT_EQ(server->count("DELETE /box/b?uploadId=U%261"), 1U);
}

TEST_F(S3Test, AnUploadThatIsGoneIsBegunAnew) {
  run([](const Asked& asked) {
    return has(asked, "POST") && !has(asked, "uploads=") ? error_answer("404 Not Found", "NoSuchUpload")
                                                         : usual(asked);
  });
  const Completion done = call("create", std::string(2 * kPart, 'x'), {{"key", "b"}});
  EXPECT_EQ(done.status, CLEAT_REMOTE);
  EXPECT_TRUE(done.is_retryable());
}

TEST_F(S3Test, PartsThatCannotBeTakenAwayAreSaid) {
  run([](const Asked& asked) {
    if (has(asked, "DELETE")) return error_answer("403 No", "AccessDenied");
    return has(asked, "partNumber=") ? error_answer("400 No", "BadDigest") : usual(asked);
  });
  EXPECT_EQ(call("create", std::string(2 * kPart, 'x'), {{"key", "b"}}).status, CLEAT_INVALID);
  EXPECT_TRUE(
      host.wait_until([&] { return host.logged("the parts of a failed upload are left in the bucket"); }));
}

TEST_F(S3Test, ACallIsAnsweredByItsDeadline) {
  run([this](const Asked&) {
    server->wait_for("never", 1);
    return std::string();
  });
  EXPECT_EQ(call("get", "", {{"key", "b"}}, 200ms).status, CLEAT_TIMEOUT);
}

TEST_F(S3Test, HalfABodyIsNone) {
  run([](const Asked&) {
    return std::string("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nhalf");
  });
  const Completion done = call("get", "", {{"key", "b"}});
  EXPECT_EQ(done.status, CLEAT_UNAVAILABLE) << done.text;
  EXPECT_TRUE(done.is_retryable());
  EXPECT_FALSE(done.has_response);
}

TEST_F(S3Test, AnObjectThatIsTooLargeIsNotTaken) {
  run([](const Asked&) { return answer("200 OK", std::string(1001, 'x')); });
  const Completion done = call("get", "", {{"key", "b"}});
  EXPECT_EQ(done.status, CLEAT_TOO_LARGE);
  EXPECT_NE(done.text.find("maxObjectSize"), std::string::npos);
}

TEST_F(S3Test, TheRegionOfTheBucketIsSaid) {
  run([](const Asked& asked) {
    if (has(asked, "/a "))
      return error_answer("301 Moved Permanently", "PermanentRedirect", "",
                          "x-amz-bucket-region: us-west-2\r\n");
    if (has(asked, "/b "))
      return error_answer("400 Bad Request", "AuthorizationHeaderMalformed", "<Region>eu-north-1</Region>");
    return error_answer("307 Temporary Redirect", "TemporaryRedirect");
  });
  const Completion moved = call("get", "", {{"key", "a"}});
  EXPECT_EQ(moved.status, CLEAT_INVALID);
  EXPECT_FALSE(moved.is_retryable());
  EXPECT_NE(
      moved.text.find(
          "the bucket is in the region us-west-2, and the requests go to eu-west-1: check the field region"),
      std::string::npos)
      << moved.text;
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
  EXPECT_NE(call("get", "", {{"key", "b"}}).text.find("in the region eu-north-1"), std::string::npos);
  EXPECT_NE(host.health().second.find("eu-north-1"), std::string::npos);
  EXPECT_NE(call("get", "", {{"key", "c"}}).text.find("not followed"), std::string::npos);
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
}

TEST_F(S3Test, SaysWhatS3SaysAndWhetherToComeAgain) {
  run([](const Asked& asked) {
    const std::string ids = "x-amz-request-id: R-2\r\nx-amz-id-2: H-2\r\n";
    if (has(asked, "/none ")) return error_answer("404 Not Found", "NoSuchKey", "", ids);
    if (has(asked, "/slow ")) return error_answer("503 Slow Down", "SlowDown", "", "Retry-After: 3\r\n");
    if (has(asked, "/denied ")) return error_answer("403 Forbidden", "AccessDenied", "<X>planted-secret</X>");
    return answer("404 Not Found",
                  "<Error><Code>NoSuchBucket</Code><Message>planted-secret</Message></Error>");
  });
  const Completion none = call("get", "", {{"key", "none"}});
  EXPECT_EQ(none.status, CLEAT_NOT_FOUND);
  EXPECT_EQ(none.text, "object not found: S3 GetObject: NoSuchKey: It is so. (request id R-2) (host id H-2)");
  const Completion slow = call("delete", "", {{"key", "slow"}});
  EXPECT_EQ(slow.status, CLEAT_THROTTLED);
  EXPECT_TRUE(slow.is_retryable());
  EXPECT_EQ(slow.retry_after_ms, 3000U);
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DEGRADED);
  EXPECT_EQ(call("get", "", {{"key", "denied"}}).status, CLEAT_DENIED);
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DEGRADED);
  const Completion gone = call("list", "", {});
  EXPECT_EQ(gone.status, CLEAT_NOT_FOUND);
  EXPECT_EQ(gone.text, "s3 binding error: list operation failed: S3 ListObjects: NoSuchBucket: ***");
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
}

TEST_F(S3Test, LearnsTheTimeOfTheServer) {
  run([](const Asked& asked) {
    if (asked.head.find("X-Amz-Date: 2040") != std::string::npos) return usual(asked);
    return error_answer("403 Forbidden", "RequestTimeTooSkewed", "",
                        "Date: Sun, 01 Jan 2040 12:00:00 GMT\r\n");
  });
  const Completion first = call("create", "x", {{"key", "b"}});
  EXPECT_EQ(first.status, CLEAT_UNAUTHENTICATED);
  EXPECT_TRUE(first.is_retryable());
  EXPECT_EQ(call("create", "x", {{"key", "b"}}).status, CLEAT_OK);
}

TEST_F(S3Test, WhoWaitsForAFileIsAnsweredAllTheSame) {
  run(usual);
  const std::string path = environment.write("file", "bytes");
  // The pool does not come to it: nothing runs what was posted.
  EXPECT_EQ(call("create", "", {{"key", "b"}, {"filePath", path}}, 200ms).status, CLEAT_TIMEOUT);
  const Completion& begun = driver.invoke("create", "", {{"key", "b"}, {"filePath", path}}, 60s);
  driver.cancel(2);
  EXPECT_EQ(end_of(begun).status, CLEAT_CANCELLED);
  const Completion& third = driver.invoke("create", "", {{"key", "c"}, {"filePath", path}}, 60s);
  EXPECT_TRUE(host.wait_until([&] {
    host.run_due();
    return host.completion(third).done;
  }));
  EXPECT_EQ(host.completion(third).status, CLEAT_OK);
  EXPECT_EQ(server->count("PUT /box/b"), 0U);
  EXPECT_EQ(server->count("PUT /box/c"), 1U);
}

TEST_F(S3Test, ASignedAddressWaitsForKeysUntilTheDeadline) {
  ScriptedServer keys([](ScriptedServer::Connection& connection) {
    connection.read_until("\r\n\r\n");
    connection.note("asked");
    connection.read_all();
  });
  environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", keys.url() + "/keys");
  run(usual, {{"accessKey", ""}, {"secretKey", ""}, {"sessionToken", ""}});
  const Completion done = call("presign", "", {{"key", "b"}, {"presignTTL", "1m"}}, 300ms);
  EXPECT_EQ(done.status, CLEAT_TIMEOUT) << done.text;
  EXPECT_NE(done.text.find("AWS credentials were not there in time"), std::string::npos) << done.text;
}

TEST_F(S3Test, WhatCannotBeIsRefused) {
  run(usual);
  for (const char* operation : {"get", "delete", "presign"})
    EXPECT_EQ(call(operation, "", {}).text, "s3 binding error: required metadata 'key' missing");
  EXPECT_EQ(call("presign", "", {{"key", "b"}}).text,
            "s3 binding error: required metadata 'presignTTL' missing");
  EXPECT_EQ(call("create", "x", {{"key", std::string(1025, 'k')}}).status, CLEAT_INVALID);
  EXPECT_EQ(call("create", "x", {{"Content-Type", "a\r\nX: y"}}).status, CLEAT_INVALID);
  EXPECT_EQ(call("create", "%", {{"decodeBase64", "true"}}).status, CLEAT_INVALID);
  EXPECT_EQ(call("rename", "", {}).text, "s3 binding error: unsupported operation rename");
  EXPECT_TRUE(server->notes().empty());
}

TEST_F(S3Test, PingAsksForTheBucket) {
  run([](const Asked&) { return answer("404 Not Found", ""); });
  const testing::Outcome outcome = driver.ping();
  EXPECT_EQ(outcome.status, CLEAT_NOT_FOUND) << outcome.text;
  EXPECT_EQ(server->count("GET /box?max-keys=1 HTTP/1.1"), 1U);
}

TEST_F(S3Test, AnOutageThatACallFoundEndsWithoutACall) {
  const auto is_away = std::make_shared<std::atomic<bool>>(true);
  run([is_away](const Asked& asked) {
    if (*is_away) return error_answer("503 Service Unavailable", "ServiceUnavailable");
    if (has(asked, "?max-keys=1 ")) return answer("200 OK", "<ListBucketResult></ListBucketResult>");
    return answer("500 Oh", "");
  });
  EXPECT_EQ(call("get", "", {{"key", "a"}}).status, CLEAT_UNAVAILABLE);
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
  ASSERT_TRUE(host.wait_until([&] { return server->count("GET /box?max-keys=1 ") >= 1; }));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
  *is_away = false;
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
}

TEST_F(S3Test, ALookThatIsNotAllowedKnowsAWrongSignature) {
  const auto is_known = std::make_shared<std::atomic<bool>>(false);
  run([is_known](const Asked&) {
    return error_answer("403 Forbidden", *is_known ? "AccessDenied" : "SignatureDoesNotMatch");
  });
  EXPECT_EQ(call("get", "", {{"key", "a"}}).status, CLEAT_UNAUTHENTICATED);
  ASSERT_TRUE(host.wait_until([&] { return server->count("GET /box?max-keys=1 ") >= 2; }));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
  *is_known = true;
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
}

}  // namespace
}  // namespace cleat::s3
