#include "common/aws/failure.hpp"

#include <gtest/gtest.h>

namespace cleat::aws {
namespace {

using Remedy = Failure::Remedy;

const Keys kKeys{"AKID", "planted-secret", "planted-token", kNeverExpires};

common::HttpResponse answer_of(int status, std::string body, std::string name = {}, std::string value = {}) {
  common::HttpResponse answer;
  answer.status = status;
  answer.body = std::move(body);
  if (!name.empty()) answer.headers.emplace_back(std::move(name), std::move(value));
  return answer;
}

TEST(AwsFailure, ReadsJson) {
  const Failure found = failure_of(
      answer_of(400,
                R"({"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The queue does not exist."})",
                "x-amzn-RequestId", "id-1"),
      "SQS GetQueueUrl", true, kKeys);
  EXPECT_EQ(found.code, "QueueDoesNotExist");
  EXPECT_EQ(found.status, CLEAT_NOT_FOUND);
  EXPECT_FALSE(found.is_retryable);
  EXPECT_EQ(found.text, "SQS GetQueueUrl: QueueDoesNotExist: The queue does not exist. (request id id-1)");
}

TEST(AwsFailure, ReadsXmlOfBothKinds) {
  const Failure query = failure_of(
      answer_of(
          403,
          "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>No &lt;key&gt; "
          "&amp;lt;</Message></Error><RequestId>id-2</RequestId></ErrorResponse>"),
      "SNS Publish", false, kKeys);
  EXPECT_EQ(query.status, CLEAT_UNAUTHENTICATED);
  EXPECT_EQ(query.remedy, Remedy::new_keys);
  EXPECT_EQ(query.text, "SNS Publish: InvalidClientTokenId: No <key> &lt; (request id id-2)");
  const Failure s3 =
      failure_of(answer_of(404, "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code></Error>"), "S3 get",
                 true, kKeys);
  EXPECT_EQ(s3.status, CLEAT_NOT_FOUND);
  EXPECT_EQ(s3.text, "S3 get: NoSuchKey");
}

TEST(AwsFailure, TellsNoSecretThatAnAnswerRepeats) {
  const std::string said =
      R"({"__type":"InvalidSignatureException","message":"The signature does not match planted-secret.)"
      R"(\n\nThe Canonical String should have been 'x-amz-security-token:planted-token'"})";
  const Failure found = failure_of(answer_of(403, said), "SQS", true, kKeys);
  EXPECT_EQ(found.text, "SQS: InvalidSignatureException: The signature does not match ***.");
  const Failure token = failure_of(answer_of(403, R"({"__type":"X","message":"token planted-token is bad"})"),
                                   "SQS", true, kKeys);
  EXPECT_EQ(token.text.find("planted"), std::string::npos);
}

TEST(AwsFailure, TellsNoHalfOfASecretAtItsEnd) {
  for (const std::size_t before : {490U, 493U, 499U}) {
    const std::string said =
        R"({"__type":"X","message":")" + std::string(before, 'x') + R"(planted-secret"})";
    const Failure found = failure_of(answer_of(403, said), "SQS", true, kKeys);
    EXPECT_EQ(found.text.find('p'), std::string::npos) << found.text;
  }
}

TEST(AwsFailure, OfSomethingElseThanAwsIsItsStatus) {
  const Failure found = failure_of(answer_of(502, "<html>Bad Gateway</html>"), "SQS", false, kKeys);
  EXPECT_EQ(found.text, "SQS: HTTP 502");
  EXPECT_EQ(found.status, CLEAT_REMOTE);
  EXPECT_FALSE(found.is_retryable);
  EXPECT_TRUE(failure_of(answer_of(502, ""), "SQS", true, kKeys).is_retryable);
  EXPECT_EQ(failure_of(answer_of(400, "{\"__type\":"), "SQS", true, kKeys).status, CLEAT_INVALID);
}

TEST(AwsFailure, IsWorthAnotherAttemptWhenNothingWasDone) {
  for (const char* code : {"ThrottlingException", "RequestThrottled", "SlowDown"}) {
    const Failure found = meaning_of(code, 400, false);
    EXPECT_EQ(found.status, CLEAT_THROTTLED) << code;
    EXPECT_TRUE(found.is_retryable) << code;
  }
  EXPECT_TRUE(meaning_of("", 503, false).is_retryable);
  EXPECT_TRUE(meaning_of("", 429, false).is_retryable);
  EXPECT_FALSE(meaning_of("InternalFailure", 500, false).is_retryable);
  EXPECT_TRUE(meaning_of("InternalFailure", 500, true).is_retryable);
  EXPECT_EQ(meaning_of("AccessDeniedException", 400, true).status, CLEAT_DENIED);
  EXPECT_EQ(failure_of(answer_of(503, "", "Retry-After", "7"), "SQS", true, kKeys).retry_after_ms, 7000U);
}

TEST(AwsFailure, OfARedirectSaysWhatToDo) {
  const common::HttpResponse answer = answer_of(307, "", "Location", "http://elsewhere/?token=planted");
  EXPECT_EQ(failure_of(answer, "SQS SendMessageBatch", false, kKeys).text,
            "SQS SendMessageBatch: HTTP 307: the address sends elsewhere, which is not followed: check "
            "region and endpoint");
}

TEST(AwsFailure, OfAClockThatIsOffIsMended) {
  EXPECT_EQ(meaning_of("RequestTimeTooSkewed", 403, true).remedy, Remedy::new_clock);
  const Failure found = failure_of(
      answer_of(
          403,
          R"({"__type":"InvalidSignatureException","message":"Signature expired: a is now earlier than b"})"),
      "SQS", false, kKeys);
  EXPECT_EQ(found.remedy, Remedy::new_clock);
  EXPECT_TRUE(found.is_retryable);
}

TEST(AwsFailure, SaysWhatMayHaveBeenDone) {
  common::TransferFailure broken{common::TransferFailure::Kind::broken, true, 0, "the connection ended"};
  EXPECT_FALSE(failure_of(broken, "SQS", false).is_retryable);
  EXPECT_NE(failure_of(broken, "SQS", false).text.find("may have been carried out"), std::string::npos);
  EXPECT_TRUE(failure_of(broken, "SQS", true).is_retryable);
  broken.was_sent = false;
  EXPECT_TRUE(failure_of(broken, "SQS", false).is_retryable);
}

}  // namespace
}  // namespace cleat::aws
