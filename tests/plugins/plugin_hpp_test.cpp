#include <gtest/gtest.h>

#include <memory>

#include "plugins/fake_host.hpp"

namespace cleat {
namespace {

using testing::Completion;
using testing::Driver;
using testing::FakeHost;

/// Fails in the way its configuration or the operation says.
class Faulty {
 public:
  explicit Faulty(Host host) : host_(host) {}
  static void init(const Config& config) {
    if (config.get("fail") == "error") throw Error(CLEAT_DENIED, "refused", CLEAT_RETRYABLE, 42);
    if (config.get("fail") == "defect") throw std::runtime_error("a defect");
    if (config.get("fail") == "number") throw 7;
    (void)config.integer("INTEGER");
    (void)config.boolean("boolean");
  }
  void invoke(const Request& request, Call&& call) {
    const std::string_view operation = request.operation();
    if (operation == "throw") throw Error(CLEAT_TOO_LARGE, "too large");
    if (operation == "drop") const Call dropped(std::move(call));
    if (operation == "throw late") {
      call.complete();
      throw std::runtime_error("after the answer");
    }
    if (operation == "post")
      host_.post([held = std::make_shared<Call>(std::move(call))](bool) { held->complete(); });
    if (operation == "post and throw")
      host_.post([held = std::move(call)](bool) { throw std::runtime_error("in a task"); });
    if (operation == "answer") {
      call.complete({Buffer::of(std::string(request.data())),
                     "text/plain",
                     {{"key", std::string(*request.metadata("NAME"))}}});
    }
  }
  static void cancel(std::uint64_t) { throw std::runtime_error("in cancel"); }

 private:
  Host host_;
};

class PluginHpp : public ::testing::Test {
 protected:
  FakeHost host;
  const cleat_binding_type type = cleat::type<Faulty>("bindings.faulty");
  Driver driver{host, type};
  void SetUp() override { ASSERT_EQ(driver.create().status, CLEAT_OK); }
};

TEST_F(PluginHpp, TableHasWhatTheClassHas) {
  EXPECT_NE(type.invoke, nullptr);
  EXPECT_NE(type.cancel, nullptr);
  EXPECT_EQ(type.ping, nullptr);
  EXPECT_EQ(type.begin_input, nullptr);
  EXPECT_EQ(type.settle, nullptr);
  EXPECT_EQ(driver.start().status, CLEAT_OK);
  EXPECT_EQ(driver.stop().status, CLEAT_OK);
}

TEST_F(PluginHpp, NothingThrownCrosses) {
  EXPECT_EQ(driver.init({{"fail", "error"}}).status, CLEAT_DENIED);
  EXPECT_EQ(driver.init({{"fail", "error"}}).text, "refused");
  EXPECT_EQ(driver.init({{"fail", "defect"}}).status, CLEAT_INTERNAL);
  EXPECT_EQ(driver.init({{"fail", "defect"}}).text, "a defect");
  EXPECT_EQ(driver.init({{"fail", "number"}}).status, CLEAT_INTERNAL);
  driver.cancel(1);
  EXPECT_TRUE(host.logged("the plugin threw where nothing may be thrown"));
}

TEST_F(PluginHpp, ConfigIsTypedAndNamesTheField) {
  EXPECT_EQ(driver.init({{"integer", "7"}, {"boolean", "true"}}).status, CLEAT_OK);
  EXPECT_EQ(driver.init({{"integer", "7x"}}).text, "INTEGER: expected a number within range, found '7x'");
  EXPECT_EQ(driver.init({{"boolean", "yes"}}).text, "boolean: expected true or false, found 'yes'");
}

TEST_F(PluginHpp, EveryCallIsCompletedOnce) {
  EXPECT_EQ(driver.invoke("throw").status, CLEAT_TOO_LARGE);
  const Completion& dropped = driver.invoke("drop");
  EXPECT_EQ(dropped.status, CLEAT_INTERNAL);
  EXPECT_EQ(dropped.text, "the plugin dropped this call without an answer");
  EXPECT_EQ(driver.invoke("neither").status, CLEAT_INTERNAL);
  const Completion& late = driver.invoke("throw late");
  EXPECT_EQ(late.times, 1U);
  EXPECT_EQ(late.status, CLEAT_OK);
}

TEST_F(PluginHpp, PostedTasksOwnTheirCall) {
  const Completion& posted = driver.invoke("post");
  const Completion& thrown = driver.invoke("post and throw");
  EXPECT_EQ(posted.times, 0U);
  host.run_due();
  EXPECT_EQ(posted.times, 1U);
  EXPECT_EQ(thrown.status, CLEAT_INTERNAL);
  host.refuse_posts();
  EXPECT_EQ(driver.invoke("post").status, CLEAT_INTERNAL) << "a refused task is freed, and with it its call";
}

TEST_F(PluginHpp, AnswerWithMetadata) {
  const Completion& call = driver.invoke("answer", "data", {{"name", "value"}});
  EXPECT_EQ(call.data, "data");
  EXPECT_EQ(call.content_type, "text/plain");
  EXPECT_EQ(call.metadata, (testing::Pairs{{"key", "value"}}));
}

}  // namespace
}  // namespace cleat
