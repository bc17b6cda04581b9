#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/deadlines.hpp"
#include "common/event_loop.hpp"
#include "common/on_loop.hpp"
#include "common/resolver.hpp"
#include "common/waiting_list.hpp"
#include "plugins/hanging_resolver.hpp"

namespace cleat::common {
namespace {

using namespace std::chrono_literals;

/// What `work` gives on the loop's thread.
template <class F>
auto on(EventLoop& loop, F work) {
  auto done = std::make_shared<std::promise<decltype(work())>>();
  auto result = done->get_future();
  loop.post([done, work] { done->set_value(work()); });
  EXPECT_EQ(result.wait_for(30s), std::future_status::ready);
  return result.get();
}

TEST(EventLoop, RunsTasksInTheirOrderAndTimersInTheirs) {
  EventLoop loop;
  std::vector<int> order, timers;
  std::promise<void> done;
  loop.post([&] { order.push_back(1); });
  loop.post([&] {
    order.push_back(2);
    loop.after(20ms, [&] {
      timers.push_back(2);
      done.set_value();
    });
    loop.after(10ms, [&] { timers.push_back(1); });
    const auto never = loop.after(5ms, [&] { timers.push_back(-1); });
    loop.cancel(never);
    loop.before_sleep([&] { order.push_back(3); });
  });
  loop.start();
  ASSERT_EQ(done.get_future().wait_for(30s), std::future_status::ready);
  loop.stop();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(timers, (std::vector<int>{1, 2}));
}

TEST(EventLoop, HandlersMayRemoveThemselves) {
  EventLoop loop;
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  std::promise<std::string> read;
  loop.start();
  loop.post([&] {
    loop.add(ends[0], EPOLLIN, [&](std::uint32_t) {
      std::array<char, 8> buffer{};
      const ssize_t count = ::read(ends[0], buffer.data(), buffer.size());
      loop.remove(ends[0]);
      read.set_value({buffer.data(), static_cast<std::size_t>(count)});
    });
  });
  ASSERT_EQ(::write(ends[1], "abc", 3), 3);
  EXPECT_EQ(read.get_future().get(), "abc");
  ASSERT_EQ(::write(ends[1], "d", 1), 1) << "nobody is called any more";
  EXPECT_TRUE(on(loop, [] { return true; }));
  loop.stop();
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(EventLoop, DropsWhatIsPostedAfterTheEnd) {
  EventLoop loop;
  loop.start();
  loop.stop();
  bool ran = false;
  loop.post([&] { ran = true; });
  EXPECT_FALSE(ran);
}

Deadline within(std::chrono::nanoseconds time) {
  return {ns_of(EventLoop::Clock::now() + time)};
}

TEST(OnLoop, RunsAndWaits) {
  EventLoop loop;
  loop.start();
  bool ran = false;
  EXPECT_TRUE(run_and_wait(loop, within(30s), [&ran] { ran = true; }));
  EXPECT_TRUE(ran);
  const auto kept = std::make_shared<std::function<void()>>();
  EXPECT_FALSE(run_and_wait(loop, within(10ms), [kept](std::function<void()> done) {
    *kept = std::move(done);
  })) << "it is not done";
  loop.stop();
}

TEST(OnLoop, AsksAndWaitsForTheAnswer) {
  EventLoop loop;
  loop.start();
  EXPECT_NO_THROW(
      ask_and_wait(loop, within(30s), "late", [](const Answer& answer) { answer(std::nullopt); }));
  using Said = std::pair<cleat_status, std::string>;
  const auto said = [&loop](std::chrono::nanoseconds time, const std::function<void(Answer)>& ask) -> Said {
    try {
      ask_and_wait(loop, within(time), "late", ask);
    } catch (const Error& error) {
      return {error.status, error.what()};
    }
    return {CLEAT_OK, ""};
  };
  EXPECT_EQ(said(30s, [](const Answer& answer) { answer(Error(CLEAT_DENIED, "no")); }),
            Said(CLEAT_DENIED, "no"));
  const auto kept = std::make_shared<Answer>();
  EXPECT_EQ(said(10ms, [kept](Answer answer) { *kept = std::move(answer); }), Said(CLEAT_TIMEOUT, "late"));
  EXPECT_NO_THROW(loop.post([kept] { (*kept)(std::nullopt); }))
      << "an answer that comes too late is for nobody";
  loop.stop();
}

TEST(WaitingList, KeepsTheOrderAndTellsWhoIsLate) {
  EventLoop loop;
  std::promise<std::string> late;
  WaitingList<std::string> list(loop, 3, [&late](std::string item) { late.set_value(std::move(item)); });
  loop.start();
  EXPECT_TRUE(on(loop, [&] {
    list.add(within(1h), "a");
    list.add(within(20ms), "b");
    EXPECT_FALSE(list.is_full());
    list.add(within(1h), "c");
    EXPECT_TRUE(list.is_full());
    EXPECT_EQ(list.take([](const std::string& item) { return item == "c"; }), "c");
    EXPECT_EQ(list.take([](const std::string& item) { return item == "c"; }), std::nullopt);
    list.add(within(1h), "d");
    return true;
  }));
  EXPECT_EQ(late.get_future().get(), "b");
  EXPECT_EQ(on(loop, [&] { return list.take_all(); }), (std::deque<std::string>{"a", "d"}));
  EXPECT_TRUE(on(loop, [&] { return list.is_empty(); }));
  loop.stop();
}

/// The answer, on the test's thread.
Addresses asked(EventLoop& loop, Resolver& resolver, const std::string& host) {
  std::promise<Addresses> answer;
  loop.post([&] { resolver.ask(host, 6379, [&](const Addresses& found) { answer.set_value(found); }); });
  auto result = answer.get_future();
  EXPECT_EQ(result.wait_for(60s), std::future_status::ready);
  return result.get();
}

TEST(Resolver, KnowsNumbersAndAsksForNames) {
  EventLoop loop;
  Resolver resolver(loop);
  loop.start();
  EXPECT_EQ(asked(loop, resolver, "127.0.0.1").addresses.at(0).text, "127.0.0.1");
  EXPECT_EQ(asked(loop, resolver, "::1").addresses.at(0).text, "::1");
  EXPECT_FALSE(asked(loop, resolver, "localhost").addresses.empty());
  const Addresses none = asked(loop, resolver, "no-such-host.invalid");
  EXPECT_TRUE(none.addresses.empty());
  EXPECT_NE(none.error.find("'no-such-host.invalid' cannot be resolved"), std::string::npos) << none.error;
  loop.stop();
}

TEST(Resolver, BoundsItsQuestionsAndDropsThemAtTheEnd) {
  EventLoop loop;
  Resolver resolver(loop);
  loop.start();
  std::atomic<int> refused = 0;
  on(loop, [&] {
    for (int i = 0; i < 1000; ++i) {
      resolver.ask("no-such-host-" + std::to_string(i) + ".invalid", 1, [&](const Addresses& found) {
        refused += found.error.find("does not keep up") != std::string::npos ? 1 : 0;
      });
    }
    return true;
  });
  EXPECT_TRUE(on(loop, [] { return true; })) << "the loop is not held up";
  EXPECT_GT(refused, 0);
  loop.stop();
  resolver.stop();
}

TEST(Resolver, StopsWithoutTheAnswer) {
  const testing::HangingResolver system;
  EventLoop loop;
  Resolver resolver(loop);
  loop.start();
  const auto asker = std::make_shared<int>(0);
  on(loop, [&] {
    resolver.ask("hangs.invalid", 1, [asker](const Addresses&) { ADD_FAILURE() << "it was stopped"; });
    return true;
  });
  testing::HangingResolver::wait_until_asked();
  loop.stop();
  resolver.stop();
  EXPECT_EQ(asker.use_count(), 1) << "who asked is let go of at once";
}

}  // namespace
}  // namespace cleat::common
