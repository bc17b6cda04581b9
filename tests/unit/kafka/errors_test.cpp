#include "common/kafka/errors.hpp"

#include <gtest/gtest.h>

namespace cleat::kafka {
namespace {

TEST(ErrorsTest, Classes) {
  struct Row {
    rd_kafka_resp_err_t error;
    cleat_status status;
    bool is_retryable;
  };
  constexpr Row kRows[] = {
      {RD_KAFKA_RESP_ERR_NO_ERROR, CLEAT_OK, false},
      {RD_KAFKA_RESP_ERR__QUEUE_FULL, CLEAT_THROTTLED, true},
      {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, CLEAT_TOO_LARGE, false},
      {RD_KAFKA_RESP_ERR__AUTHENTICATION, CLEAT_UNAUTHENTICATED, false},
      {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, CLEAT_DENIED, false},
      {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, CLEAT_NOT_FOUND, false},
      {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, CLEAT_INVALID, false},
      {RD_KAFKA_RESP_ERR__TRANSPORT, CLEAT_UNAVAILABLE, true},
      {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, CLEAT_TIMEOUT, true},
      {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, CLEAT_REMOTE, false},
  };
  for (const Row& row : kRows) {
    EXPECT_EQ(classify(row.error).status, row.status) << rd_kafka_err2name(row.error);
    EXPECT_EQ(classify(row.error).flags == CLEAT_RETRYABLE, row.is_retryable) << rd_kafka_err2name(row.error);
  }
}

TEST(ErrorsTest, ReasonsArePutInWordsForPeople) {
  EXPECT_EQ(
      plain_reason("[thrd:127.0.0.1:1/bootstrap]: 127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: "
                   "Connection refused (after 0ms in state CONNECT, 3 identical error(s) suppressed)"),
      "127.0.0.1:1: Connect to ipv4#127.0.0.1:1 failed: Connection refused");
  EXPECT_EQ(plain_reason("1/1 brokers are down"), "1/1 brokers are down");
  EXPECT_EQ(plain_reason("[no end"), "[no end");
}

}  // namespace
}  // namespace cleat::kafka
