#include "common/curl/answer.hpp"

#include <gtest/gtest.h>

namespace cleat::common {
namespace {

using Kind = TransferFailure::Kind;

HttpResponse answer_with(std::string name, std::string value) {
  HttpResponse answer;
  answer.headers = {{"X-Other", "1"}, {std::move(name), std::move(value)}};
  return answer;
}

TEST(CurlAnswer, HasHeadersOfAnyCase) {
  EXPECT_EQ(header_of(answer_with("ETag", "a"), "etag"), "a");
  EXPECT_EQ(header_of(answer_with("ETag", "a"), "etags"), "");
}

TEST(CurlAnswer, SaysHowLongToWait) {
  EXPECT_EQ(retry_after_ms(answer_with("Retry-After", "7")), 7000U);
  EXPECT_EQ(retry_after_ms(answer_with("retry-after", "4000000000")), 3'600'000U);
  for (const char* strange : {"", "-1", "7 s", "99999999999", "Fri, 31 Dec 1999 23:59:59 GMT"})
    EXPECT_EQ(retry_after_ms(answer_with("Retry-After", strange)), 0U) << strange;
  EXPECT_EQ(retry_after_ms(HttpResponse()), 0U);
}

TEST(CurlAnswer, OfABrokenTransferSaysWhetherItMayHaveBeenCarriedOut) {
  const TransferFailure sent{Kind::broken, true, 0, "the connection ended"};
  const ServiceFailure once = failure_of(sent, "SNS Publish", "the request", false);
  EXPECT_EQ(once.text,
            "SNS Publish: the connection ended; the request had been sent and may have been carried out");
  EXPECT_FALSE(once.is_retryable);
  EXPECT_EQ(once.status, status_of(Kind::broken));
  const ServiceFailure twice = failure_of(sent, "Get Blob", "it", true);
  EXPECT_EQ(twice.text, "Get Blob: the connection ended");
  EXPECT_TRUE(twice.is_retryable);
  EXPECT_TRUE(failure_of({Kind::broken, false, 0, "x"}, "Put Blob", "it", false).is_retryable);
  EXPECT_FALSE(failure_of({Kind::too_large, false, 0, "x"}, "Get Blob", "it", true).is_retryable);
  EXPECT_FALSE(failure_of({Kind::invalid, false, 0, "x"}, "Get Blob", "it", true).is_retryable);
}

}  // namespace
}  // namespace cleat::common
