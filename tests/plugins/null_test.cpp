#include <gtest/gtest.h>

#include "plugins/fake_host.hpp"

namespace cleat {
namespace {

using testing::Completion;
using testing::Driver;
using testing::FakeHost;
using namespace std::chrono_literals;

class NullTest : public ::testing::Test {
 protected:
  void run(const testing::Pairs& metadata) {
    ASSERT_EQ(driver.create().status, CLEAT_OK);
    ASSERT_EQ(driver.init(metadata).status, CLEAT_OK);
    ASSERT_EQ(driver.start().status, CLEAT_OK);
  }
  FakeHost host;
  Driver driver{host, *cleat_entry_v0(nullptr)->types[0]};
};

TEST_F(NullTest, AnswersAtOnceWithoutBody) {
  run({{"respond", "false"}, {"delay", "0"}});
  for (const char* operation : {"create", "get", "delete", "list"}) {
    const Completion& call = driver.invoke(operation, "data");
    EXPECT_EQ(call.times, 1U);
    EXPECT_EQ(call.status, CLEAT_OK);
    EXPECT_FALSE(call.has_response);
  }
}

TEST_F(NullTest, EchoesIfAskedTo) {
  run({{"respond", "true"}});
  const Completion& call = driver.invoke("create", "some data");
  EXPECT_TRUE(call.has_response);
  EXPECT_EQ(call.data, "some data");
  EXPECT_TRUE(driver.invoke("create", "").has_response);
}

TEST_F(NullTest, RefusesOtherOperations) {
  run({});
  const Completion& call = driver.invoke("creat", "data");
  EXPECT_EQ(call.status, CLEAT_UNSUPPORTED);
  EXPECT_EQ(call.text, "bindings.null offers create, get, delete and list");
}

TEST_F(NullTest, RefusesADelayThatIsNone) {
  ASSERT_EQ(driver.create().status, CLEAT_OK);
  EXPECT_EQ(driver.init({{"delay", "-5"}}).text, "delay: expected a duration of zero or more, such as 10ms");
}

TEST_F(NullTest, DelaysItsAnswer) {
  run({{"delay", "10000000"}, {"respond", "true"}});
  const Completion& call = driver.invoke("create", "late");
  host.advance(9ms);
  EXPECT_FALSE(call.done);
  host.advance(1ms);
  EXPECT_EQ(call.times, 1U);
  EXPECT_EQ(call.data, "late");
  EXPECT_EQ(driver.stop().status, CLEAT_OK);
  EXPECT_EQ(call.times, 1U);
}

TEST_F(NullTest, MoreDelayedCallsThanTasksAreRefused) {
  run({{"delay", "10000000"}});
  for (int i = 0; i < 1024; ++i)
    EXPECT_FALSE(driver.invoke("create").done);
  EXPECT_EQ(driver.invoke("create").status, CLEAT_THROTTLED);
}

TEST_F(NullTest, StopCompletesWhatIsDelayed) {
  run({{"delay", "10000000"}});
  const Completion& first = driver.invoke("create");
  const Completion& second = driver.invoke("create");
  const Completion& third = driver.invoke("create");
  ASSERT_EQ(driver.stop().status, CLEAT_OK);
  for (const Completion* call : {&first, &second, &third})
    EXPECT_EQ(call->times, 1U);
}

}  // namespace
}  // namespace cleat
