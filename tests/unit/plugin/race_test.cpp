#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "base/asio_loop.hpp"
#include "plugin/instance.hpp"
#include "recording_log.hpp"
#include "scripted_plugin.hpp"

/// The threads as they are in the host: an io thread that invokes and settles, and plugin threads that complete and deliver.
/// For the thread sanitizer, and for what must hold whatever the order.
namespace cleat::testing {
namespace {

struct Threads {
  explicit Threads(InstanceOptions options = {})
      : instance(plugin.table(), type(), named(std::move(options)), loop, {&loop}, log),
        thread([this] { loop.run(); }) {
    EXPECT_TRUE(instance.open(0));
  }
  ~Threads() {
    loop.stop();
    thread.join();
  }
  static BindingType type() {
    BindingType type;
    type.directions = CLEAT_IN | CLEAT_OUT;
    return type;
  }
  static InstanceOptions named(InstanceOptions options) {
    options.component = "racing";
    return options;
  }
  void on_loop(UniqueFunction<void()> work) {
    std::promise<void> done;
    loop.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  AsioLoop loop;
  RecordingLog log;
  ScriptedPlugin plugin;
  Instance instance;
  std::thread thread;
};

TEST(Race, EveryCallIsAnsweredOnceWhileCompletionsRaceWithDeadlines) {
  constexpr int kCalls = 20'000;
  InstanceOptions options;
  options.invoke_timeout_ns = 200 * kMicrosecond;  // about as long as a completion takes here
  Threads t(std::move(options));
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<cleat_call*> open;
  bool ended = false;
  t.plugin.on_invoke = [&](const cleat_request& request, cleat_call* call) {
    if (request.call_id % 3 == 0) {
      t.plugin.complete(call);
      return;
    }
    const std::lock_guard lock(mutex);
    open.push_back(call);
    wake.notify_one();
  };
  std::vector<std::thread> completers;
  for (int i = 0; i < 3; ++i) {
    completers.emplace_back([&] {
      std::unique_lock lock(mutex);
      while (true) {
        wake.wait(lock, [&] { return ended || !open.empty(); });
        if (open.empty()) return;
        cleat_call* const call = open.back();
        open.pop_back();
        lock.unlock();
        t.plugin.complete(call);
        lock.lock();
      }
    });
  }
  std::atomic<int> answered{0}, refused{0};
  for (int i = 0; i < kCalls; ++i) {
    // Far from the bound, however slow the completers are.
    while (i - answered > 1'000 || t.instance.open_calls() > 1'000)
      std::this_thread::yield();
    t.loop.post([&] {
      t.plugin.invoked.clear();
      t.instance.invoke({.operation = "create", .data = "x"}, 0, [&](OutputResult&& result) {
        if (result.status == CLEAT_THROTTLED) ++refused;
        ++answered;
      });
    });
  }
  while (answered < kCalls || t.instance.open_calls() > 0)
    std::this_thread::yield();
  {
    const std::lock_guard lock(mutex);
    ended = true;
  }
  wake.notify_all();
  for (std::thread& completer : completers)
    completer.join();
  t.on_loop([] {});
  EXPECT_EQ(answered, kCalls);
  EXPECT_EQ(refused, 0);
  EXPECT_FALSE(t.log.contains("misbehaves"));
  EXPECT_TRUE(t.instance.stop(0));
}

/// Settles everything, some of it later, and flaps the window.
struct Settler final : EventSink {
  explicit Settler(Instance& instance) : instance(instance) {}
  void on_events(std::vector<EventPtr> events) override {
    for (EventPtr& event : events)
      held.push_back({std::move(event), CLEAT_ACK, 0});
    if (held.size() < 7) return;
    settle();
    instance.set_window({.max_events = 1 + ++turns % 50, .max_bytes = 1'000, .max_per_lane = 0});
  }
  void on_withdraw(std::int32_t, std::span<const std::uint64_t>) override { settle(); }
  void settle() {
    std::vector<Settlement> now;
    now.swap(held);
    if (!now.empty()) instance.settle(now);
  }
  Instance& instance;
  std::vector<Settlement> held;
  std::uint32_t turns = 0;
};

TEST(Race, EveryAcceptedEventIsSettledOnceWhileTheWindowFlaps) {
  constexpr std::uint64_t kEvents = 30'000;
  Threads t;
  Settler sink(t.instance);
  std::mutex mutex;
  std::condition_variable room;
  bool settled_since = false;
  t.plugin.on_settle = [&] {
    const std::lock_guard lock(mutex);
    settled_since = true;
    room.notify_one();
  };
  ASSERT_TRUE(t.instance.begin_input(sink, {.max_events = 8, .max_bytes = 1'000, .max_per_lane = 0}));
  std::uint64_t accepted = 0, refused = 0;
  while (accepted < kEvents) {
    const auto ids = t.plugin.deliver({0, 1, 2}, 16);
    accepted += ids.size();
    if (t.plugin.last_status != CLEAT_AGAIN) continue;
    ++refused;
    const std::uint64_t nothing = 0;
    t.plugin.host().withdraw(&t.plugin.host(), CLEAT_BY_EVENT, &nothing,
                             1);  // makes the sink settle what it holds
    std::unique_lock lock(mutex);
    room.wait_for(lock, std::chrono::seconds(20), [&] { return settled_since; });
    ASSERT_TRUE(settled_since || t.instance.unsettled_events() == 0) << "a wake-up was lost";
    settled_since = false;
  }
  ASSERT_TRUE(t.instance.end_input(0));
  t.on_loop([&] { sink.settle(); });
  EXPECT_GT(refused, 0U);
  EXPECT_EQ(t.instance.unsettled_events(), 0U);
  EXPECT_EQ(t.plugin.settled.size(), accepted);
  EXPECT_EQ(t.plugin.released, accepted);
  EXPECT_TRUE(t.instance.stop(0));
}

}  // namespace
}  // namespace cleat::testing
