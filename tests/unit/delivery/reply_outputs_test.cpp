#include "delivery/reply_outputs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "recording_log.hpp"

namespace cleat {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::RecordingLog;

class FakeOutput final : public OutputPort {
 public:
  void invoke(OutputRequest&& request, std::uint32_t, OutputDone done) override {
    requests.push_back(std::move(request));
    if (held) {
      open.push_back(std::move(done));
      return;
    }
    OutputResult result;
    result.status = status;
    done(std::move(result));
  }

  bool held = false;
  cleat_status status = CLEAT_OK;
  std::vector<OutputRequest> requests;
  std::deque<OutputDone> open;
};

class ReplyOutputsTest : public ::testing::Test {
 protected:
  explicit ReplyOutputsTest() { make({"c", true, {"a", "b", "gone"}, 256}); }
  void make(ReplyOutputsOptions options) {
    replies_ = std::make_unique<ReplyOutputs>(
        std::move(options), 0,
        [this](std::string_view name, std::string_view operation, std::string& why) -> OutputPort* {
          found_.emplace_back(name);
          EXPECT_EQ(operation, "create");
          if (name != "gone") return &output_;
          why = "it is not running";
          return nullptr;
        },
        log_);
  }
  void run(std::string_view body) { replies_->run(body, "event-1"); }

  FakeOutput output_;
  RecordingLog log_;
  std::vector<std::string> found_;
  std::unique_ptr<ReplyOutputs> replies_;
};

TEST_F(ReplyOutputsTest, CallsTheNamedOutputsInOrderWithTheDataMinified) {
  run(R"( {"to": ["a", "b"], "data": {"n": 1.50, "s": [ 1, "x y" ]}} )");
  EXPECT_THAT(found_, ElementsAre("a", "b"));
  ASSERT_EQ(output_.requests.size(), 2U);
  EXPECT_EQ(output_.requests[0].operation, "create");
  EXPECT_EQ(output_.requests[0].data, R"({"n":1.50,"s":[1,"x y"]})");
  EXPECT_THAT(output_.requests[0].metadata, IsEmpty());
  EXPECT_EQ(replies_->failed(), 0U);
}

TEST_F(ReplyOutputsTest, MissingDataIsNullAndTextKeepsItsQuotes) {
  run(R"({"to":["a"]})");
  run(R"({"to":["a"],"data":"hi"})");
  ASSERT_EQ(output_.requests.size(), 2U);
  EXPECT_EQ(output_.requests[0].data, "null");
  EXPECT_EQ(output_.requests[1].data, R"("hi")");
}

TEST_F(ReplyOutputsTest, OneAfterTheOtherAndNoFurtherThanTheFirstError) {
  output_.held = true;
  run(R"({"to":["a","b","a"]})");
  EXPECT_THAT(found_, ElementsAre("a"));
  EXPECT_EQ(replies_->running(), 1U);
  output_.open[0](OutputResult{});
  EXPECT_THAT(found_, ElementsAre("a", "b"));
  OutputResult bad;
  bad.status = CLEAT_REMOTE;
  output_.open[1](std::move(bad));
  EXPECT_THAT(found_, ElementsAre("a", "b"));
  EXPECT_EQ(replies_->failed(), 1U);
  EXPECT_EQ(replies_->running(), 0U);
}

TEST_F(ReplyOutputsTest, OneThatMayNotOrCannotBeCalledEndsTheListToo) {
  run(R"({"to":["a","other","b"]})");
  EXPECT_THAT(found_, ElementsAre("a"));
  run(R"({"to":["gone","b"]})");
  EXPECT_THAT(found_, ElementsAre("a", "gone"));
  EXPECT_EQ(replies_->failed(), 2U);
}

TEST_F(ReplyOutputsTest, ParallelCallsAllAtOnceWhateverFails) {
  output_.held = true;
  run(R"({"to":["a","gone","b"],"concurrency":"parallel"})");
  EXPECT_THAT(found_, ElementsAre("a", "gone", "b"));
  EXPECT_EQ(replies_->running(), 2U);
  EXPECT_EQ(replies_->failed(), 1U);
}

TEST_F(ReplyOutputsTest, ANameThatIsNotAllowedIsToldOnceAndCounted) {
  run(R"({"to":["x"]})");
  run(R"({"to":["x"]})");
  EXPECT_THAT(found_, IsEmpty());
  EXPECT_EQ(replies_->failed(), 2U);
  EXPECT_EQ(log_.count("may not call", LogLevel::warn), 1U);
}

TEST_F(ReplyOutputsTest, OtherBodiesAreNobodysMistake) {
  for (const char* body : {"", "   ", "ok", "[1]", R"({"status":"SUCCESS"})", R"({"to":null})",
                           R"({"to":["a"])", "{", R"({"to":[]})"})
    run(body);
  EXPECT_THAT(found_, IsEmpty());
  EXPECT_THAT(log_.lines(), IsEmpty());
  EXPECT_EQ(replies_->failed(), 0U);
}

TEST_F(ReplyOutputsTest, ToThatIsNoListOfNamesIsAnErrorInWords) {
  run(R"({"to":"a"})");
  run(R"({"to":["a",1]})");
  EXPECT_THAT(found_, IsEmpty());
  EXPECT_EQ(replies_->failed(), 2U);
  ASSERT_FALSE(log_.lines().empty());
  EXPECT_THAT(log_.lines()[0].field("error"), ::testing::HasSubstr("expected 'to' to be a list of names"));
  EXPECT_EQ(log_.lines()[0].field("event"), "event-1");
}

TEST_F(ReplyOutputsTest, StateIsNotServedAndSaysSoOnce) {
  run(R"({"storeName":"s","state":[{"key":"k"}],"to":["a"]})");
  run(R"({"state":[{"key":"k"}]})");
  EXPECT_THAT(found_, ElementsAre("a"));
  EXPECT_EQ(log_.count("not served"), 1U);
}

TEST_F(ReplyOutputsTest, WhenOffNothingIsRead) {
  make({"c", false, {"a"}, 256});
  run(R"({"to":["a"],"state":[1]})");
  run(R"({"to":"a"})");
  EXPECT_THAT(found_, IsEmpty());
  EXPECT_THAT(log_.lines(), IsEmpty());
}

TEST_F(ReplyOutputsTest, BeyondItsBoundAnAnswersOutputsAreRefused) {
  make({"c", true, {"a"}, 2});
  output_.held = true;
  run(R"({"to":["a"],"concurrency":"parallel"})");
  run(R"({"to":["a","a"],"concurrency":"parallel"})");
  EXPECT_EQ(output_.requests.size(), 1U);
  EXPECT_EQ(replies_->failed(), 2U);
  run(R"({"to":["a"]})");
  EXPECT_EQ(replies_->running(), 2U);
  run(R"({"to":["a"]})");
  EXPECT_EQ(output_.requests.size(), 2U);
}

TEST_F(ReplyOutputsTest, IsIdleOnceNoCallIsOut) {
  int idle = 0;
  replies_->when_idle([&] { ++idle; });
  EXPECT_EQ(idle, 1);
  output_.held = true;
  run(R"({"to":["a","b"]})");
  replies_->when_idle([&] { ++idle; });
  output_.open[0](OutputResult{});
  EXPECT_EQ(idle, 1);
  output_.open[1](OutputResult{});
  EXPECT_EQ(idle, 2);
}

TEST_F(ReplyOutputsTest, MayGoWhileCallsAreOut) {
  output_.held = true;
  run(R"({"to":["a","b"]})");
  replies_->when_idle([] { ADD_FAILURE() << "asked for by one that is gone"; });
  replies_.reset();
  output_.open[0](OutputResult{});
  EXPECT_THAT(found_, ElementsAre("a"));
}

}  // namespace
}  // namespace cleat
