#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "plugins/fake_host.hpp"
#include "plugins/hanging_resolver.hpp"
#include "plugins/rabbitmq_broker.hpp"
#include "rabbit_binding.hpp"

namespace cleat::rabbitmq {
namespace {

using namespace std::chrono_literals;
using as_broker::Broker;
using as_broker::Peer;
using as_broker::Published;
using as_broker::Script;
using testing::Completion;
using testing::Driver;
using testing::FakeHost;
using testing::Pairs;

constexpr std::uint64_t kMain = 1, kAside = 2;

/// The plugin between a fake host and a broker whose every word the test says.
class RabbitTest : public ::testing::Test {
 protected:
  void start(Script script, std::uint32_t directions, Pairs more = {}) {
    broker_.emplace(std::move(script));
    more.insert(more.end(),
                {{"host", broker_->uri()}, {"queueName", "q"}, {"reconnectWaitInSeconds", "100000000"}});
    ASSERT_EQ(driver_.create().status, CLEAT_OK);
    const auto outcome = driver_.init(more, directions);
    ASSERT_EQ(outcome.status, CLEAT_OK) << outcome.text;
    ASSERT_EQ(driver_.start().status, CLEAT_OK);
  }
  void start_output(Script script) {
    start(std::move(script), CLEAT_OUT);
    ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_UP));
  }
  void start_input(Script script, const Pairs& more = {}) {
    start(std::move(script), CLEAT_IN, more);
    ASSERT_EQ(driver_.begin_input().status, CLEAT_OK);
  }
  bool waits_for_health(std::int32_t state) {
    return host_.wait_until([&] { return host_.health().first == state; });
  }
  bool waits_for_events(std::size_t count) {
    return host_.wait_until([&] { return host_.delivered_count() >= count; });
  }
  bool waits_for_note(const std::string& note) {
    return host_.wait_until([&] { return broker_->has(note); });
  }
  Completion wait(const Completion& call) {
    EXPECT_TRUE(host_.wait_until([&] { return host_.completion(call).done; })) << "the call is not completed";
    const Completion found = host_.completion(call);
    EXPECT_EQ(found.times, 1U);
    return found;
  }
  /// The first message goes alone; after it the exchange is known.
  void open_up() { ASSERT_EQ(wait(driver_.invoke("create", "first")).status, CLEAT_OK); }

  FakeHost host_{FakeHost::Clock::kSteady};
  cleat_binding_type type_ = cleat::type<RabbitBinding>("bindings.rabbitmq");
  std::optional<Broker> broker_;
  Driver driver_{host_, type_};
};

class RabbitOutput : public RabbitTest {
 protected:
  /// What becomes of a large message of which the broker has read a part when it does this.
  Completion in_the_middle(void (*what)(Peer&, const Published&)) {
    std::promise<void> over;
    Script script;
    script.publishing = [what, is_over = over.get_future().share()](Peer& peer, const Published& message) {
      if (message.exchange != "large") return;
      what(peer, message);
      is_over.wait();
    };
    start_output(script);
    const Completion found =
        wait(driver_.invoke("create", std::string(64U << 20U, 'x'), {{"exchange", "large"}}));
    over.set_value();
    return found;
  }
};
class RabbitInput : public RabbitTest {};

TEST_F(RabbitOutput, OneConfirmMayBeForMany) {
  start_output({[](Peer& peer, const Published& message) {
    if (message.channel == kAside) peer.confirm(kAside, message.tag);
    if (message.channel != kMain || message.tag != 6) return;
    peer.confirm(kMain, 2);
    peer.confirm(kMain, 3, true);
    peer.refuse(kMain, 5, true);
    peer.confirm(kMain, 99);
    peer.confirm(kMain, 6);
  }});
  open_up();
  std::vector<const Completion*> calls;
  for (int i = 0; i < 6; ++i)
    calls.push_back(&driver_.invoke("create", "x"));
  for (const int i : {0, 1, 2, 5})
    EXPECT_EQ(wait(*calls[static_cast<std::size_t>(i)]).status, CLEAT_OK) << i;
  for (const int i : {3, 4}) {
    const Completion refused = wait(*calls[static_cast<std::size_t>(i)]);
    EXPECT_EQ(refused.status, CLEAT_UNAVAILABLE);
    EXPECT_TRUE(refused.is_retryable()) << "a nack says that the broker has it not";
  }
}

TEST_F(RabbitOutput, WhatComesBackIsAnErrorOfThatCall) {
  start_output({[](Peer& peer, const Published& message) {
    if (message.body == "lost") peer.give_back(message);
    peer.confirm(message.channel, message.tag);
  }});
  open_up();
  const Completion& good = driver_.invoke("create", "good");
  const Completion& lost = driver_.invoke("create", "lost");
  EXPECT_EQ(wait(good).status, CLEAT_OK);
  const Completion back = wait(lost);
  EXPECT_EQ(back.status, CLEAT_NOT_FOUND);
  EXPECT_FALSE(back.is_retryable());
  EXPECT_NE(back.text.find("routing key 'q' (312 NO_ROUTE)"), std::string::npos) << back.text;
}

TEST_F(RabbitOutput, AChannelThatIsClosedTakesOneCallOnly) {
  start_output({[](Peer& peer, const Published& message) {
    if (message.exchange == "nowhere") {
      peer.close_channel(message.channel, 404, "NOT_FOUND - no exchange 'nowhere'");
    } else {
      peer.confirm(message.channel, message.tag);
    }
  }});
  open_up();
  const Completion& nowhere = driver_.invoke("create", "x", {{"exchange", "nowhere"}});
  const Completion& known = driver_.invoke("create", "x");
  const Completion& other = driver_.invoke("create", "x", {{"exchange", "other"}});
  EXPECT_EQ(wait(nowhere).status, CLEAT_NOT_FOUND);
  EXPECT_FALSE(wait(nowhere).is_retryable());
  EXPECT_EQ(wait(known).status, CLEAT_OK);
  EXPECT_EQ(wait(other).status, CLEAT_OK) << "its number begins anew with the channel";
  EXPECT_EQ(broker_->connections(), 1U);
}

TEST_F(RabbitOutput, WhatWasSentMayHaveArrived) {
  start_output({[](Peer& peer, const Published& message) {
    if (message.channel == kAside) peer.confirm(kAside, message.tag);
    if (message.body == "cut") peer.close_connection(320, "bye");
  }});
  open_up();
  const Completion cut = wait(driver_.invoke("create", "cut"));
  EXPECT_EQ(cut.status, CLEAT_UNAVAILABLE);
  EXPECT_FALSE(cut.is_retryable());
  EXPECT_NE(cut.text.find("may have it"), std::string::npos) << cut.text;
  EXPECT_EQ(cut.text.find("secret"), std::string::npos) << cut.text;
  ASSERT_TRUE(host_.wait_until([&] { return broker_->connections() == 2; }));
  ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_UP));
  EXPECT_EQ(wait(driver_.invoke("create", "again")).status, CLEAT_OK);
}

TEST_F(RabbitOutput, ACallEndsWithItsTimeAndALateConfirmIsForNobody) {
  start_output({[](Peer& peer, const Published& message) {
    if (message.body != "slow") peer.confirm(message.channel, message.tag, true);
  }});
  open_up();
  const Completion slow = wait(driver_.invoke("create", "slow", {}, 3s));
  EXPECT_EQ(slow.status, CLEAT_TIMEOUT);
  EXPECT_FALSE(slow.is_retryable());
  EXPECT_NE(slow.text.find("may have it"), std::string::npos) << slow.text;
  EXPECT_EQ(wait(driver_.invoke("create", "quick")).status, CLEAT_OK);
}

TEST_F(RabbitOutput, WhatWasSentInPartHasNotArrived) {
  const Completion cut =
      in_the_middle([](Peer& peer, const Published&) { peer.close_connection(320, "bye"); });
  EXPECT_EQ(cut.status, CLEAT_UNAVAILABLE);
  EXPECT_TRUE(cut.is_retryable()) << cut.text;
}

TEST_F(RabbitOutput, WhatIsConfirmedBeforeAllOfItWasSentIsNotDone) {
  const Completion cut = in_the_middle([](Peer& peer, const Published& m) { peer.confirm(m.channel, 1); });
  EXPECT_EQ(cut.status, CLEAT_UNAVAILABLE);
  EXPECT_NE(cut.text.find("before it has all of it"), std::string::npos) << cut.text;
}

TEST_F(RabbitOutput, OneThatIsNeverConfirmedHoldsUpNoOtherAside) {
  start_output({[](Peer& peer, const Published& message) {
    if (message.exchange == "nowhere") {
      peer.close_channel(message.channel, 404, "NOT_FOUND - no exchange 'nowhere'");
    } else if (message.body != "slow") {
      peer.confirm(message.channel, message.tag);
    }
  }});
  EXPECT_EQ(wait(driver_.invoke("create", "slow", {{"exchange", "stuck"}}, 3s)).status, CLEAT_TIMEOUT);
  EXPECT_EQ(wait(driver_.invoke("create", "x", {{"exchange", "other"}})).status, CLEAT_OK);
  const Completion refused = wait(driver_.invoke("create", "x", {{"exchange", "nowhere"}}));
  EXPECT_EQ(refused.status, CLEAT_NOT_FOUND);
  EXPECT_TRUE(refused.is_retryable()) << "the slow one may be meant";
}

TEST_F(RabbitOutput, KeepsABoundedNumberOfMessagesBeyondTheirCalls) {
  constexpr std::size_t kMost = 8192;
  start_output({[](Peer& peer, const Published& message) {
    if (message.body != "slow") peer.confirm(message.channel, message.tag, true);
  }});
  open_up();
  std::vector<const Completion*> slow;
  for (std::size_t i = 0; i < kMost; ++i)
    slow.push_back(&driver_.invoke("create", "slow", {}, 5s));
  for (const Completion* each : slow)
    ASSERT_EQ(wait(*each).status, CLEAT_TIMEOUT);
  const Completion refused = wait(driver_.invoke("create", "x"));
  EXPECT_EQ(refused.status, CLEAT_THROTTLED) << refused.text;
  EXPECT_TRUE(refused.is_retryable());
  ASSERT_TRUE(broker_->with_peer([&](Peer& peer) { peer.confirm(kMain, kMost, true); }));
  EXPECT_TRUE(host_.wait_until([&] { return wait(driver_.invoke("create", "x")).status == CLEAT_OK; }));
}

TEST_F(RabbitOutput, ARefusedRoutingKeyClosesTheChannelOfAllOnce) {
  start_output({[](Peer& peer, const Published& message) {
    if (message.routing_key == "secret") {
      peer.close_channel(message.channel, 403, "ACCESS_REFUSED - routing key 'secret'");
    } else {
      peer.confirm(message.channel, message.tag);
    }
  }});
  open_up();
  EXPECT_EQ(wait(driver_.invoke("create", "x", {{"routingKey", "secret"}})).status, CLEAT_UNAVAILABLE);
  ASSERT_TRUE(host_.wait_until([&] { return broker_->connections() == 2; }));
  ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_UP));
  open_up();
  for (int i = 0; i < 3; ++i) {
    const Completion refused = wait(driver_.invoke("create", "x", {{"routingKey", "secret"}}));
    EXPECT_NE(refused.text.find("routing key 'secret'"), std::string::npos) << refused.text;
    EXPECT_FALSE(refused.is_retryable());
    EXPECT_EQ(wait(driver_.invoke("create", "x")).status, CLEAT_OK);
  }
  EXPECT_EQ(broker_->connections(), 2U);
}

TEST_F(RabbitOutput, ABlockedConnectionSendsNothing) {
  start_output({});
  open_up();
  ASSERT_TRUE(broker_->with_peer([](Peer& peer) { peer.block("low on memory"); }));
  ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_DEGRADED));
  EXPECT_NE(host_.health().second.find("low on memory"), std::string::npos);
  const Completion& patient = driver_.invoke("create", "patient");
  const Completion late = wait(driver_.invoke("create", "late", {}, 200ms));
  EXPECT_EQ(late.status, CLEAT_TIMEOUT);
  EXPECT_TRUE(late.is_retryable()) << "it was not sent";
  EXPECT_FALSE(host_.completion(patient).done);
  ASSERT_TRUE(broker_->with_peer([](Peer& peer) { peer.unblock(); }));
  EXPECT_EQ(wait(patient).status, CLEAT_OK);
  EXPECT_TRUE(waits_for_health(CLEAT_HEALTH_UP));
}

TEST_F(RabbitOutput, WhatWasNotSentCanBeCancelled) {
  start_output({});
  open_up();
  ASSERT_TRUE(broker_->with_peer([](Peer& peer) { peer.block("low on disk"); }));
  ASSERT_TRUE(waits_for_health(CLEAT_HEALTH_DEGRADED));
  const Completion& call = driver_.invoke("create", "x");  // the second call
  driver_.cancel(2);
  EXPECT_EQ(wait(call).status, CLEAT_CANCELLED);
}

TEST_F(RabbitOutput, AStopEndsWhatIsNotConfirmed) {
  start_output({[](Peer& peer, const Published& message) {
    if (message.body == "first") peer.confirm(message.channel, message.tag);
  }});
  open_up();
  const Completion& open = driver_.invoke("create", "x");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(driver_.stop(3s).status, CLEAT_OK);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
  const Completion ended = host_.completion(open);
  EXPECT_EQ(ended.status, CLEAT_CANCELLED);
  EXPECT_FALSE(ended.is_retryable());
}

/// How long a stop takes whose connections wait for a broker's first word.
std::chrono::nanoseconds time_of_a_stop_before_hello() {
  Script script;
  script.says_hello = false;
  Broker broker(std::move(script));
  FakeHost host{FakeHost::Clock::kSteady};
  const cleat_binding_type type = cleat::type<RabbitBinding>("bindings.rabbitmq");
  Driver driver{host, type};
  EXPECT_EQ(driver.create().status, CLEAT_OK);
  EXPECT_EQ(driver.init({{"host", broker.uri()}, {"queueName", "q"}}, CLEAT_IN | CLEAT_OUT).status, CLEAT_OK);
  EXPECT_EQ(driver.start().status, CLEAT_OK);
  EXPECT_TRUE(host.wait_until([&] { return broker.connections() >= 2; }));
  const Completion& call = driver.invoke("create", "x");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(driver.stop(1s).status, CLEAT_OK);
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(host.completion(call).status, CLEAT_CANCELLED);
  EXPECT_TRUE(host.completion(call).is_retryable());
  return took;
}

TEST_F(RabbitOutput, ABrokerThatSaysNothingHoldsUpNoStop) {
  // What else the machine does can only make it longer: once in a few times it lets it be quick.
  std::chrono::nanoseconds quickest = 1h;
  for (int i = 0; i < 5 && quickest >= 2500ms; ++i)
    quickest = std::min(quickest, time_of_a_stop_before_hello());
  EXPECT_LT(quickest, 2500ms) << "less than a connection may take";
}

TEST_F(RabbitOutput, AResolverThatSaysNothingHoldsUpNoStop) {
  const testing::HangingResolver system;
  start({}, CLEAT_IN | CLEAT_OUT, {{"host", "amqp://guest:guest@hangs.invalid"}});
  testing::HangingResolver::wait_until_asked();
  const Completion& call = driver_.invoke("create", "x");
  EXPECT_EQ(driver_.stop().status, CLEAT_OK);
  EXPECT_EQ(host_.completion(call).status, CLEAT_CANCELLED);
  EXPECT_TRUE(host_.completion(call).is_retryable());
}

TEST_F(RabbitInput, EachVerdictIsOneWord) {
  start_input({.consuming = [](Peer& peer, std::size_t) {
    for (std::uint64_t tag = 1; tag <= 5; ++tag)
      peer.deliver(tag, "x", tag == 2);
  }});
  ASSERT_TRUE(waits_for_events(5));
  EXPECT_EQ(host_.delivered_at(1).header("redelivered"), "true");
  driver_.settle(host_.delivered_at(2).id, CLEAT_ACK);
  driver_.settle(host_.delivered_at(0).id, CLEAT_ACK);
  driver_.settle(host_.delivered_at(1).id, CLEAT_REQUEUE);
  driver_.settle(host_.delivered_at(3).id, CLEAT_REJECT);
  driver_.settle(host_.delivered_at(4).id, CLEAT_ABANDON);
  for (const char* note :
       {"1: ack 3", "1: ack 1", "1: nack 2 requeue", "1: nack 4 requeue", "1: nack 5 requeue"})
    EXPECT_TRUE(waits_for_note(note)) << note;
  EXPECT_FALSE(broker_->has("multiple")) << "what is behind may not be done";
  EXPECT_TRUE(broker_->has("1: prefetch 64"));
}

TEST_F(RabbitInput, RejectsWhereTheOperatorSaysSo) {
  start_input({.consuming = [](Peer& peer, std::size_t) { peer.deliver(1, ""); }},
              {{"brokerDeadLetter", "true"}});
  ASSERT_TRUE(waits_for_events(1));
  driver_.settle(host_.delivered_at(0).id, CLEAT_REJECT);
  EXPECT_TRUE(waits_for_note("1: nack 1 drop"));
}

TEST_F(RabbitInput, ASettlementIsForItsOwnChannel) {
  start_input({.consuming = [](Peer& peer, std::size_t) {
    peer.deliver(1, "a");
    peer.deliver(2, "b");
  }});
  ASSERT_TRUE(waits_for_events(2));
  ASSERT_TRUE(broker_->with_peer([](Peer& peer) { peer.cancel_consumer(); }));
  ASSERT_TRUE(host_.wait_until([&] { return host_.withdrawn().size() == 2; }));
  driver_.settle_all();
  ASSERT_TRUE(waits_for_note("2: consume")) << "a queue that was deleted is made anew";
  host_.wait_until([&] { return host_.delivered_count() == 4; });
  driver_.settle(host_.delivered_at(3).id);
  EXPECT_TRUE(waits_for_note("2: ack 2"));
  EXPECT_FALSE(broker_->has("ack 1")) << "an answer for the first channel";
}

TEST_F(RabbitInput, AnEndGivesBackWhatWasNotDelivered) {
  start_input({.consuming =
                   [](Peer& peer, std::size_t) {
                     for (std::uint64_t tag = 1; tag <= 4; ++tag)
                       peer.deliver(tag, "x");
                   }},
              {{"prefetchCount", "10"}});
  ASSERT_TRUE(waits_for_events(4));
  driver_.set_window({2, 0, 0});
  ASSERT_TRUE(broker_->with_peer([](Peer& peer) { peer.deliver(5, "surplus"); }));
  EXPECT_EQ(driver_.end_input().status, CLEAT_OK);
  EXPECT_TRUE(waits_for_note("1: cancel"));
  EXPECT_TRUE(waits_for_note("1: nack 5 requeue"));
  EXPECT_EQ(host_.delivered_count(), 4U);
  EXPECT_EQ(driver_.settle_all(), 4U);
  EXPECT_EQ(driver_.stop().status, CLEAT_OK);
  for (const char* note : {"1: ack 1", "1: ack 2", "1: ack 3", "1: ack 4", "1: close"})
    EXPECT_TRUE(broker_->has(note)) << note << ": a stop waits until the broker has read it";
}

TEST_F(RabbitInput, WhatIsHeldTooLongIsGivenBack) {
  start_input({.consuming = [](Peer& peer, std::size_t) { peer.deliver(1, "x"); }},
              {{"deliveryTimeout", "1000000"}});
  ASSERT_TRUE(waits_for_events(1));
  EXPECT_TRUE(waits_for_note("1: nack 1 requeue"));
  EXPECT_TRUE(host_.wait_until([&] { return host_.logged("deliveryTimeout"); }));
  EXPECT_EQ(host_.withdrawn(), std::vector<std::uint64_t>{host_.delivered_at(0).id});
  driver_.abandon_withdrawn();
}

}  // namespace
}  // namespace cleat::rabbitmq
