#include "plugin/instance.hpp"

#include <gmock/gmock.h>

#include <thread>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "manual_loop.hpp"
#include "recording_log.hpp"
#include "scripted_plugin.hpp"

namespace cleat::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Sink final : EventSink {
  void on_events(std::vector<EventPtr> events) override {
    for (EventPtr& event : events)
      arrived.push_back(std::move(event));
  }
  void on_withdraw(std::int32_t, std::span<const std::uint64_t> ids) override {
    withdrawn.insert(withdrawn.end(), ids.begin(), ids.end());
  }
  std::vector<EventPtr> arrived;
  std::vector<std::uint64_t> withdrawn;
};

struct Fixture {
  explicit Fixture(BindingType type = {}, InstanceOptions options = {})
      : instance(plugin.table(), type, named(std::move(options)), loop, {&loop}, log) {}

  static InstanceOptions named(InstanceOptions options) {
    options.component = "c";
    return options;
  }
  void open() { ASSERT_TRUE(instance.open(0)); }
  void invoke(std::string data = "x", std::uint64_t timeout_ns = 0) {
    OutputRequest request;
    request.operation = "create";
    request.data = std::move(data);
    request.timeout_ns = timeout_ns;
    instance.invoke(std::move(request), 0,
                    [this](OutputResult&& result) { results.push_back(std::move(result)); });
  }

  ManualLoop loop;
  RecordingLog log;
  ScriptedPlugin plugin;
  Instance instance;
  std::vector<OutputResult> results;
};

TEST(InstanceCalls, ACompletionInsideInvokeNeedsNoPost) {
  Fixture f;
  f.open();
  f.plugin.on_invoke = [&](const cleat_request&, cleat_call* call) { f.plugin.complete(call); };
  f.invoke();
  ASSERT_THAT(f.results, SizeIs(1));
  EXPECT_EQ(f.results[0].status, CLEAT_OK);
  EXPECT_FALSE(f.results[0].has_body);
  EXPECT_EQ(f.instance.open_calls(), 0U);
}

TEST(InstanceCalls, ACompletionFromAnotherThreadArrivesOnTheLoop) {
  Fixture f;
  f.open();
  f.invoke("payload");
  const cleat_request& request = *f.plugin.invoked[0].request;
  EXPECT_EQ(std::string_view(static_cast<const char*>(request.data), request.data_len), "payload");
  std::thread([&] {
    const std::string text = "bad key";
    const cleat_failure failure{
        sizeof failure, CLEAT_DENIED, CLEAT_RETRYABLE, 7, 0, {text.data(), text.size()}};
    f.plugin.host().complete(&f.plugin.host(), f.plugin.invoked[0].call, nullptr, &failure);
  }).join();
  EXPECT_THAT(f.results, IsEmpty());
  f.loop.run_posted();
  ASSERT_THAT(f.results, SizeIs(1));
  EXPECT_EQ(f.results[0].status, CLEAT_DENIED);
  EXPECT_EQ(f.results[0].error, "bad key");
  EXPECT_TRUE(f.results[0].retryable);
  EXPECT_EQ(f.results[0].retry_after_ms, 7U);
}

TEST(InstanceCalls, TheDeadlineAnswersAndTheLateCompletionIsDropped) {
  Fixture f;
  f.open();
  f.invoke();
  f.loop.advance(30 * kSecond);
  ASSERT_THAT(f.results, SizeIs(1));
  EXPECT_EQ(f.results[0].status, CLEAT_TIMEOUT);
  EXPECT_EQ(f.results[0].error, "context deadline exceeded");
  EXPECT_THAT(f.plugin.cancelled, ElementsAre(f.plugin.invoked[0].request->call_id));
  EXPECT_EQ(f.instance.open_calls(), 1U) << "an abandoned call counts until the plugin completes it";
  f.plugin.complete(f.plugin.invoked[0].call);
  f.loop.run_posted();
  EXPECT_THAT(f.results, SizeIs(1));
  EXPECT_EQ(f.instance.open_calls(), 0U);
}

TEST(InstanceCalls, ARequestMayHaveATimeoutOfItsOwn) {
  Fixture f;
  f.open();
  f.invoke("x", 2 * kSecond);
  f.invoke("x", 60 * kSecond);
  f.loop.advance(2 * kSecond);
  EXPECT_THAT(f.results, SizeIs(1));
  f.loop.advance(57 * kSecond);
  EXPECT_THAT(f.results, SizeIs(1));
  f.loop.advance(kSecond);
  EXPECT_THAT(f.results, SizeIs(2));
  for (const auto& invoked : f.plugin.invoked)
    f.plugin.complete(invoked.call);
  f.loop.run_posted();
}

TEST(InstanceCalls, AnAbandonedCallDoesNotKeepWhatItsCallerGave) {
  Fixture f;
  f.open();
  const auto connection = std::make_shared<int>();
  OutputRequest request;
  request.still_wanted = [connection] { return true; };
  f.instance.invoke(std::move(request), 0, [](OutputResult&&) {});
  EXPECT_EQ(connection.use_count(), 1);
  f.plugin.complete(f.plugin.invoked[0].call);
  f.loop.run_posted();
}

TEST(InstanceCalls, ASecondCompletionIsANamedFaultEvenWhenTheSlotIsUsedAgain) {
  Fixture f;
  f.open();
  f.invoke();
  cleat_call* const first = f.plugin.invoked[0].call;
  f.plugin.complete(first);
  f.plugin.complete(first);
  f.loop.run_posted();
  f.invoke();
  f.plugin.complete(first);
  f.loop.run_posted();
  EXPECT_THAT(f.results, SizeIs(1));
  ASSERT_THAT(f.log.lines(), SizeIs(2));
  EXPECT_THAT(f.log.lines()[0].message, HasSubstr("misbehaves: it completed a call that is not open"));
  f.plugin.complete(f.plugin.invoked[1].call);
  f.loop.run_posted();
  EXPECT_THAT(f.results, SizeIs(2));
}

TEST(InstanceCalls, BeyondTheirBoundTheyAreThrottled) {
  InstanceOptions options;
  options.max_calls = 2;
  Fixture f({}, std::move(options));
  f.open();
  for (int i = 0; i < 3; ++i)
    f.invoke();
  ASSERT_THAT(f.results, SizeIs(1));
  EXPECT_EQ(f.results[0].status, CLEAT_THROTTLED);
  for (const auto& invoked : f.plugin.invoked)
    f.plugin.complete(invoked.call);
  f.loop.run_posted();
  f.invoke();
  EXPECT_THAT(f.plugin.invoked, SizeIs(3));
  f.plugin.complete(f.plugin.invoked[2].call);
}

TEST(InstanceCalls, BeyondTheirBoundOfBytesTheyAreThrottled) {
  InstanceOptions options;
  options.max_call_bytes = 10;
  Fixture f({}, std::move(options));
  f.open();
  f.invoke("1234567");
  f.invoke("1234567");
  ASSERT_THAT(f.results, SizeIs(1));
  EXPECT_EQ(f.results[0].status, CLEAT_THROTTLED);
  f.plugin.complete(f.plugin.invoked[0].call);
}

TEST(InstanceCalls, MaxConcurrencyLetsTheRestWait) {
  BindingType type;
  type.max_concurrency = 1;
  Fixture f(type);
  f.open();
  f.invoke();
  f.invoke();
  EXPECT_THAT(f.plugin.invoked, SizeIs(1));
  f.plugin.complete(f.plugin.invoked[0].call);
  f.loop.run_posted();
  EXPECT_THAT(f.plugin.invoked, SizeIs(2));
  f.plugin.complete(f.plugin.invoked[1].call);
  f.loop.run_posted();
  EXPECT_THAT(f.results, SizeIs(2));
}

TEST(InstanceCalls, ABlockingPluginRunsInItsPool) {
  BindingType type;
  type.blocking = true;
  Fixture f(type);
  std::thread::id ran_on;
  f.plugin.on_invoke = [&](const cleat_request&, cleat_call* call) {
    ran_on = std::this_thread::get_id();
    f.plugin.complete(call);
  };
  f.open();
  f.invoke();
  while (f.results.empty())
    f.loop.run_posted();
  EXPECT_NE(ran_on, std::this_thread::get_id());
}

TEST(InstanceCalls, StopNamesAPluginThatForgotACall) {
#ifdef __SANITIZE_ADDRESS__
  const __lsan::ScopedDisabler what_a_stuck_plugin_holds_is_kept;
#endif
  Fixture f;
  f.open();
  f.invoke();
  const Result<> stopped = f.instance.stop(0);
  ASSERT_FALSE(stopped);
  EXPECT_THAT(stopped.error().text, HasSubstr("stop returned while 1 calls are not completed"));
  f.instance.close();
  EXPECT_FALSE(f.plugin.closed) << "a stuck instance is never closed";
  f.plugin.complete(f.plugin.invoked[0].call);  // and what it holds is still there
}

TEST(InstanceInput, TheWindowIsEnforced) {
  Fixture f;
  Sink sink;
  f.open();
  ASSERT_TRUE(f.instance.begin_input(sink, {.max_events = 3, .max_bytes = 100, .max_per_lane = 0}));
  EXPECT_THAT(f.plugin.deliver({0, 0, 0, 0, 0}), SizeIs(3));
  EXPECT_EQ(f.plugin.last_status, CLEAT_AGAIN);
  EXPECT_THAT(f.plugin.deliver({0}), IsEmpty());
  f.loop.run_posted();
  ASSERT_THAT(sink.arrived, SizeIs(3));
  std::vector<std::uint64_t> from_inside;
  f.plugin.on_settle = [&] { from_inside = f.plugin.deliver({0}); };
  std::vector<Settlement> one;
  one.push_back({std::move(sink.arrived[0]), CLEAT_ACK, 0});
  f.instance.settle(one);
  EXPECT_THAT(from_inside, SizeIs(1)) << "room is given back before the plugin hears of it";
  EXPECT_EQ(f.plugin.released, 1U);
}

TEST(InstanceInput, WithNothingUnsettledOneEventOfAnySizeIsAccepted) {
  Fixture f;
  Sink sink;
  f.open();
  ASSERT_TRUE(f.instance.begin_input(sink, {.max_events = 9, .max_bytes = 10, .max_per_lane = 0}));
  EXPECT_THAT(f.plugin.deliver({0, 0}, 1'000), SizeIs(1));
  f.instance.set_window({.max_events = 0, .max_bytes = 10, .max_per_lane = 0});
  f.loop.run_posted();
  std::vector<Settlement> one;
  one.push_back({std::move(sink.arrived[0]), CLEAT_ACK, 0});
  f.instance.settle(one);
  EXPECT_THAT(f.plugin.deliver({0}), IsEmpty()) << "a window of 0 pauses";
}

TEST(InstanceInput, AnEventKeepsEveryByteOfItsText) {
  Fixture f;
  Sink sink;
  f.open();
  ASSERT_TRUE(f.instance.begin_input(sink, {.max_events = 9, .max_bytes = 0, .max_per_lane = 0}));
  const std::string key("k\0y", 3), value("\xff\n", 2), id = "t/0@1";
  const cleat_kv items[]{{{key.data(), key.size()}, {value.data(), value.size()}},
                         {{nullptr, 0}, {nullptr, 0}}};
  cleat_event event{};
  event.struct_size = sizeof event;
  event.id = 5;
  event.lane = 6;
  event.source_id = {id.data(), id.size()};
  event.metadata = {items, 2};
  event.data = {"data", 4, nullptr, nullptr};
  cleat_event* const pointer = &event;
  std::uint32_t accepted = 0;
  EXPECT_EQ(f.plugin.host().deliver(&f.plugin.host(), &pointer, 1, &accepted), CLEAT_OK);
  f.loop.run_posted();
  const Event& arrived = *sink.arrived.at(0);
  EXPECT_EQ(arrived.data(), "data");
  EXPECT_EQ(arrived.source_id(), id);
  ASSERT_EQ(arrived.metadata_count(), 2U);
  EXPECT_EQ(arrived.metadata_key(0), key);
  EXPECT_EQ(arrived.metadata_value(0), value);
  EXPECT_EQ(arrived.metadata_key(1), "");
  EXPECT_EQ(arrived.content_type(), "");
}

TEST(InstanceInput, MisuseIsNamed) {
  Fixture f;
  Sink sink;
  f.open();
  EXPECT_THAT(f.plugin.deliver({0}), IsEmpty());
  EXPECT_EQ(f.plugin.last_status, CLEAT_CANCELLED);
  ASSERT_TRUE(f.instance.begin_input(sink, {.max_events = 9, .max_bytes = 0, .max_per_lane = 0}));
  cleat_event short_event{};
  short_event.struct_size = 8;
  cleat_event* const pointer = &short_event;
  std::uint32_t accepted = 9;
  EXPECT_EQ(f.plugin.host().deliver(&f.plugin.host(), &pointer, 1, &accepted), CLEAT_INVALID);
  EXPECT_EQ(accepted, 0U);
  const std::uint64_t lanes[]{0, 4};
  f.plugin.host().withdraw(&f.plugin.host(), CLEAT_BY_LANE, lanes, 2);
  f.loop.run_posted();
  EXPECT_THAT(sink.withdrawn, ElementsAre(4));
  for (const auto& line : f.log.lines())
    EXPECT_THAT(line.message, HasSubstr("misbehaves"));
  EXPECT_THAT(f.log.lines(), SizeIs(3));
}

TEST(InstanceTasks, RunOnceInTimeAndCancelledOnesAfterStop) {
  Fixture f;
  f.open();
  struct Ran {
    int normally = 0, cancelled = 0;
  } now, later, never;
  const cleat_task task = [](void* arg, std::int32_t cancelled) {
    ++(cancelled != 0 ? static_cast<Ran*>(arg)->cancelled : static_cast<Ran*>(arg)->normally);
  };
  const cleat_host& host = f.plugin.host();
  EXPECT_EQ(host.post(&host, task, &now, 0, 0), CLEAT_OK);
  EXPECT_EQ(host.post(&host, task, &later, f.loop.now_ns() + kSecond, 0), CLEAT_OK);
  EXPECT_EQ(host.post(&host, task, &never, f.loop.now_ns() + 9 * kSecond, 0), CLEAT_OK);
  f.loop.run_posted();
  EXPECT_EQ(now.normally, 1);
  EXPECT_EQ(later.normally, 0);
  f.loop.advance(kSecond);
  EXPECT_EQ(later.normally, 1);
  bool cancelled_before_stop_returned = false;
  f.plugin.on_stop = [&] {
    cancelled_before_stop_returned = never.cancelled > 0;
    EXPECT_EQ(host.post(&host, task, &now, 0, 0), CLEAT_CANCELLED);
  };
  ASSERT_TRUE(f.instance.stop(0));
  EXPECT_FALSE(cancelled_before_stop_returned);
  EXPECT_EQ(never.cancelled, 1);
  f.loop.run_posted();
  f.loop.advance(20 * kSecond);
  EXPECT_EQ(never.normally, 0);
  f.instance.close();
  EXPECT_TRUE(f.plugin.closed);
}

TEST(InstanceLife, IsClosedOnce) {
  Fixture f;
  f.open();
  ASSERT_TRUE(f.instance.stop(0));
  f.instance.close();
  f.plugin.closed = false;
  ASSERT_TRUE(f.instance.stop(0)) << "the end of the host may come while it is replaced";
  f.instance.close();
  EXPECT_FALSE(f.plugin.closed);
}

TEST(InstanceTasks, AreBounded) {
  Fixture f;
  f.open();
  const cleat_host& host = f.plugin.host();
  const cleat_task task = [](void* arg, std::int32_t) { ++*static_cast<int*>(arg); };
  int ran = 0, taken = 0;
  while (host.post(&host, task, &ran, 0, 0) == CLEAT_OK)
    ++taken;
  EXPECT_EQ(taken, 1'024);
  f.loop.run_posted();
  EXPECT_EQ(ran, 1'024);
  EXPECT_EQ(host.post(&host, task, &ran, 0, 0), CLEAT_OK);
  ASSERT_TRUE(f.instance.stop(0));
  EXPECT_EQ(ran, 1'025);
}

TEST(InstanceLife, AFailedStartClosesThePluginAndSaysWhetherToTryAgain) {
  Fixture f;
  f.plugin.mutable_table().start = [](void*, std::uint64_t, cleat_error* error) -> cleat_status {
    const std::string text = "no route to broker";
    error->text_len = text.copy(error->text, error->text_cap);
    return CLEAT_UNAVAILABLE;
  };
  const Result<> opened = f.instance.open(0);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().text, "component 'c': start failed (UNAVAILABLE): no route to broker");
  EXPECT_TRUE(opened.error().retryable);
  EXPECT_TRUE(f.plugin.closed);
}

}  // namespace
}  // namespace cleat::testing
