#include "plugins/http_fixture.hpp"

#include "http_answer.hpp"
#include "http_request.hpp"

namespace cleat::http {
namespace {

using testing::Completion;
using testing::Pairs;
using namespace std::chrono_literals;

TEST(HttpRequest, OneSlashIsBetweenUrlAndPath) {
  EXPECT_EQ(join("http://a/b", "c?d=e"), "http://a/b/c?d=e");
  EXPECT_EQ(join("http://a/b//", "//c/../d"), "http://a/b/c/../d");
  EXPECT_EQ(join("http://a/b/", ""), "http://a/b/");
}

TEST(HttpAnswer, NamesAreAsGoWritesThem) {
  EXPECT_EQ(canonical_name("content-type"), "Content-Type");
  EXPECT_EQ(canonical_name("X-REQUEST-ID"), "X-Request-Id");
  EXPECT_EQ(canonical_name("etag"), "Etag");
  EXPECT_EQ(canonical_name("-a--b"), "-A--B");
}

TEST(HttpAnswer, AStatusHasWords) {
  common::HttpResponse answer;
  answer.status = 404;
  EXPECT_EQ(status_line(answer), "404 Not Found");
  answer.reason = "Nope";
  EXPECT_EQ(status_line(answer), "404 Nope");
  answer = {599, "", {}, ""};
  EXPECT_EQ(status_line(answer), "599");
}

TEST(HttpAnswer, OnlyWhatDidNothingOrDoesNoHarmIsRepeated) {
  EXPECT_TRUE(may_be_repeated(503, false) && may_be_repeated(429, false));
  EXPECT_TRUE(may_be_repeated(502, true) && may_be_repeated(500, true));
  EXPECT_FALSE(may_be_repeated(502, false) || may_be_repeated(500, false) || may_be_repeated(404, true));
}

TEST_F(HttpTest, AnInitErrorNamesTheFieldAndNoSecret) {
  const testing::Outcome ftp = init_with({{"url", "ftp://alice:s3cret@example.com"}});
  EXPECT_EQ(ftp.status, CLEAT_INVALID);
  EXPECT_NE(ftp.text.find("url: expected"), std::string::npos);
  EXPECT_EQ(ftp.text.find("s3cret"), std::string::npos);
}

TEST_F(HttpTest, ATokenThatWouldEndItsLineIsRefused) {
  const testing::Outcome outcome = init_with(
      {{"url", "http://a"}, {"securityToken", "s3cret\r\nX: y"}, {"securityTokenHeader", "X-Token"}});
  EXPECT_EQ(outcome.status, CLEAT_INVALID);
  EXPECT_EQ(outcome.text.find("s3cret"), std::string::npos);
}

TEST_F(HttpTest, HalfAPairOfCertificateAndKeyIsRefused) {
  const testing::Outcome outcome =
      init_with({{"url", "http://a"}, {"MTLSClientCert", "/nowhere/client.pem"}});
  EXPECT_NE(
      outcome.text.find("provided \"MTLSClientCert\" value is neither a valid file path or nor a valid pem"),
      std::string::npos);
}

TEST_F(HttpTest, WhatGrpcBroughtAlongIsNoHeader) {
  answer_all([](const Asked&) { return answer("200 OK", ""); });
  run();
  EXPECT_EQ(call("post", "x",
                 {{"dapr-api-token", "s3cret"},
                  {"grpc-timeout", "1S"},
                  {"content-type", "application/grpc"},
                  {"user-agent", "grpc-go/1.60"},
                  {"Dapr-App-Id", "other"},
                  {"x-small", "1"}})
                .status,
            CLEAT_OK);
  const std::string head = server->notes().at(0);
  EXPECT_EQ(head.find("s3cret"), std::string::npos);
  EXPECT_EQ(head.find("grpc"), std::string::npos) << head;
  EXPECT_NE(head.find("Dapr-App-Id: other"), std::string::npos);
  EXPECT_NE(head.find("x-small: 1"), std::string::npos);
}

TEST_F(HttpTest, AnAnswerArrivesWholeWithItsHeaders) {
  const std::string bytes("\0\r\n\xff", 4);
  answer_all([&](const Asked&) {
    return answer("201 Made", bytes, "x-multi: a\r\nX-Multi: b\r\nstatus: mine\r\ncontent-type: a/b\r\n");
  });
  run();
  const Completion result = call("put", bytes);
  EXPECT_EQ(result.status, CLEAT_OK);
  EXPECT_EQ(result.data, bytes);
  EXPECT_EQ(result.content_type, "a/b");
  EXPECT_EQ(result.header("X-Multi"), "a, b");
  EXPECT_EQ(result.header("status"), "201 Made");
  EXPECT_EQ(result.header("Status"), "(no such metadata)");
  EXPECT_NE(server->notes().at(0).find("\r\n\r\n" + bytes), std::string::npos);
}

TEST_F(HttpTest, AFailureHasTheAnswerAndSaysWhenToComeBack) {
  answer_all([](const Asked&) { return answer("503 Busy", "later", "Retry-After: 7\r\n"); });
  run();
  const Completion result = call("post", "x");
  EXPECT_EQ(result.status, CLEAT_REMOTE);
  EXPECT_EQ(result.text, "received status code 503");
  EXPECT_EQ(result.data, "later");
  EXPECT_EQ(result.retry_after_ms, 7000U);
  EXPECT_TRUE(result.is_retryable());
}

TEST_F(HttpTest, ABoundedAnswerIsWholeOrAnError) {
  answer_all([](const Asked& asked) {
    return answer("200 OK", std::string(asked.line.find("/more") != std::string::npos ? 11 : 10, 'x'));
  });
  run({{"maxResponseBodySize", "10"}});
  EXPECT_EQ(call("get").data, "xxxxxxxxxx");
  const Completion more = call("get", "", {{"path", "more"}});
  EXPECT_EQ(more.status, CLEAT_TOO_LARGE);
  EXPECT_FALSE(more.has_response || more.is_retryable());
}

TEST_F(HttpTest, HeadersWithoutEndAreAnError) {
  serve([](Connection& connection) {
    read_request(connection);
    connection.write("HTTP/1.1 200 OK\r\n");
    const std::string line = "X-Filler: " + std::string(8000, 'x') + "\r\n";
    for (int i = 0; i < 40; ++i)
      connection.write(line);
    connection.write(answer("200 OK", "").substr(17));
  });
  run();
  const Completion result = call("get");
  EXPECT_EQ(result.status, CLEAT_REMOTE);
  EXPECT_NE(result.text.find("headers are larger"), std::string::npos) << result.text;
}

TEST_F(HttpTest, NobodyThereIsRetryableAndSeenInTheHealth) {
  {
    serve([](Connection&) {});
    run();
  }
  const std::uint16_t port = server->port();
  server.reset();
  const Completion result = call("post", "x");
  EXPECT_EQ(result.status, CLEAT_UNAVAILABLE) << port;
  EXPECT_TRUE(result.is_retryable());
  EXPECT_EQ(result.text.find("had been sent"), std::string::npos);
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
}

TEST_F(HttpTest, SomethingThatSpeaksNoHttpIsSaid) {
  serve([](Connection& connection) {
    read_request(connection);
    connection.write("SSH-2.0-OpenSSH_9.2\r\n");
  });
  run();
  const Completion result = call("get");
  EXPECT_NE(result.status, CLEAT_OK);
  EXPECT_NE(result.status, CLEAT_INVALID) << result.text;
}

}  // namespace
}  // namespace cleat::http
