#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/curl/far_end.hpp"
#include "common/deadlines.hpp"
#include "common/on_loop.hpp"
#include "common/told_health.hpp"
#include "plugins/fake_host.hpp"

namespace cleat::common {
namespace {

using namespace std::chrono_literals;
using Says = FarEnd::Says;

ServiceFailure failed(cleat_status status, const std::string& text, const std::string& code = {}) {
  ServiceFailure out;
  out.status = status;
  out.text = text;
  out.code = code;
  return out;
}

/// Of one request: too large, and its own time. Of the far end: all the rest.
Says judge(const ServiceFailure& failure) {
  if (failure.status == CLEAT_THROTTLED) return Says::is_slow;
  if (failure.status == CLEAT_INVALID) return Says::is_there;
  const bool is_of_request = failure.status == CLEAT_TOO_LARGE || failure.status == CLEAT_TIMEOUT;
  return is_of_request ? Says::nothing : Says::is_wrong;
}

class FarEndTest : public ::testing::Test {
 protected:
  void run(std::chrono::milliseconds believed = 10min) {
    const auto look = [this](std::uint64_t, const FarEnd::Answer& answer) {
      std::shared_ptr<ServiceFailure> said;
      {
        const std::lock_guard lock(mutex);
        ++looks;
        said = found;
      }
      answer(said.get());
    };
    far_end.emplace(
        loop,
        FarEnd::Ways{look, judge,
                     [this](std::int32_t health, const std::string& why) { told.tell(health, why); }},
        FarEnd::Times{{1ms, 2ms, 1s}, believed});
    loop.start();
  }
  ~FarEndTest() override { loop.stop(); }

  void call(std::optional<ServiceFailure> failure) {
    EXPECT_TRUE(run_and_wait(loop, {ns_after(30s)}, [&] { far_end->note(failure ? &*failure : nullptr); }));
  }
  /// Until timers of that time have run.
  void pass(std::chrono::milliseconds time) {
    const std::function<void(std::function<void()>)> later = [this, time](std::function<void()> done) {
      loop.after(time, std::move(done));
    };
    EXPECT_TRUE(run_and_wait(loop, {ns_after(30s)}, later));
  }
  void looks_find(std::optional<ServiceFailure> what) {
    const std::lock_guard lock(mutex);
    found = what ? std::make_shared<ServiceFailure>(std::move(*what)) : nullptr;
  }
  int looked() {
    const std::lock_guard lock(mutex);
    return looks;
  }
  /// After so many more looks, the one that runs now beside.
  void after_looks(int count) {
    const int until = looked() + count + 1;
    ASSERT_TRUE(host.wait_until([&] { return looked() >= until; }));
  }
  bool becomes(std::int32_t health) {
    return host.wait_until([&] { return host.health().first == health; });
  }

  testing::FakeHost host{testing::FakeHost::Clock::kSteady};
  ToldHealth told{Host(host.table())};
  std::mutex mutex;
  std::shared_ptr<ServiceFailure> found = std::make_shared<ServiceFailure>(failed(CLEAT_UNAVAILABLE, "away"));
  int looks = 0;
  EventLoop loop;
  std::optional<FarEnd> far_end;
};

TEST_F(FarEndTest, AnOutageThatACallFoundEndsWithoutACall) {
  for (const cleat_status status :
       {CLEAT_UNAVAILABLE, CLEAT_THROTTLED, CLEAT_UNAUTHENTICATED, CLEAT_REMOTE}) {
    SCOPED_TRACE(status);
    if (!far_end) run();
    looks_find(failed(CLEAT_UNAVAILABLE, "away"));
    call(failed(status, "the call's"));
    EXPECT_NE(host.health().first, CLEAT_HEALTH_UP);
    after_looks(2);
    EXPECT_EQ(host.health(), (std::pair<std::int32_t, std::string>(CLEAT_HEALTH_DOWN, "away")));
    looks_find(std::nullopt);
    ASSERT_TRUE(becomes(CLEAT_HEALTH_UP));
  }
}

TEST_F(FarEndTest, WhatIsSlowIsNotGone) {
  run();
  looks_find(failed(CLEAT_THROTTLED, "slowly"));
  call(failed(CLEAT_THROTTLED, "slow"));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DEGRADED);
  after_looks(2);
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DEGRADED);
}

TEST_F(FarEndTest, NobodyLooksWhileAllIsWell) {
  run();
  call(std::nullopt);
  call(failed(CLEAT_TOO_LARGE, "of one request"));
  call(failed(CLEAT_CANCELLED, "nobody waits"));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_UP);
  call(failed(CLEAT_UNAVAILABLE, "away"));
  call(failed(CLEAT_INVALID, "an answer of somebody who is there"));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_UP);
  const int before = looked();
  pass(30ms);
  EXPECT_LE(looked(), before + 1) << "one may have been on its way";
}

TEST_F(FarEndTest, WhoMayNotLookIsKnownOnlyIfTheServiceSaysSo) {
  run();
  looks_find(failed(CLEAT_DENIED, "HTTP 403"));
  call(failed(CLEAT_UNAUTHENTICATED, "unknown key"));
  after_looks(3);
  EXPECT_EQ(host.health(), (std::pair<std::int32_t, std::string>(CLEAT_HEALTH_DOWN, "unknown key")));
  looks_find(failed(CLEAT_DENIED, "not allowed", "AccessDenied"));
  EXPECT_TRUE(becomes(CLEAT_HEALTH_UP));
}

TEST_F(FarEndTest, WhatIsNotThereIsOnlySeenByWhoMayLook) {
  run();
  looks_find(failed(CLEAT_DENIED, "not allowed", "AccessDenied"));
  call(failed(CLEAT_NOT_FOUND, "no such topic"));
  after_looks(3);
  EXPECT_EQ(host.health().second, "no such topic");
  looks_find(std::nullopt);
  EXPECT_TRUE(becomes(CLEAT_HEALTH_UP));
}

TEST_F(FarEndTest, ThatACallIsNotAllowedIsBelievedForATimeWhateverALookFinds) {
  run(300ms);
  looks_find(std::nullopt);
  const auto began = EventLoop::Clock::now();
  call(failed(CLEAT_DENIED, "you may not write", "AccessDenied"));
  ASSERT_TRUE(becomes(CLEAT_HEALTH_UNKNOWN));
  EXPECT_GE(EventLoop::Clock::now() - began, 300ms);
}

TEST_F(FarEndTest, WhatLooksKeepFindingIsBelieved) {
  run(1ms);
  for (const cleat_status status : {CLEAT_TIMEOUT, CLEAT_REMOTE, CLEAT_NOT_FOUND, CLEAT_UNAUTHENTICATED}) {
    SCOPED_TRACE(status);
    looks_find(failed(status, "the look's"));
    call(failed(CLEAT_UNAVAILABLE, "the call's"));
    after_looks(4);
    EXPECT_EQ(host.health(), (std::pair<std::int32_t, std::string>(CLEAT_HEALTH_DOWN, "the look's")));
  }
}

TEST_F(FarEndTest, AFirstLookTellsHowItIs) {
  run();
  looks_find(failed(CLEAT_NOT_FOUND, "no such bucket"));
  loop.post([this] { far_end->look(); });
  ASSERT_TRUE(becomes(CLEAT_HEALTH_DOWN));
  looks_find(std::nullopt);
  ASSERT_TRUE(becomes(CLEAT_HEALTH_UP));
}

TEST_F(FarEndTest, AfterTheEndNothingIsToldAndNobodyLooks) {
  run();
  call(failed(CLEAT_UNAVAILABLE, "away"));
  EXPECT_TRUE(run_and_wait(loop, {ns_after(30s)}, [&] { far_end->close(); }));
  looks_find(std::nullopt);
  const int before = looked();
  call(std::nullopt);
  pass(30ms);
  EXPECT_EQ(looked(), before);
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
}

}  // namespace
}  // namespace cleat::common
