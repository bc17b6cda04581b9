#include "ledger.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace cleat::mqtt {
namespace {

using Arrival = Ledger::Arrival;
using Ids = std::vector<std::uint16_t>;

MessagePtr message(std::uint16_t packet_id, const std::string& payload = "x", bool is_repeated = false) {
  Publish publish;
  publish.topic = "t";
  publish.payload = payload;
  publish.id = packet_id;
  publish.qos = packet_id == 0 ? 0 : 1;
  publish.duplicate = is_repeated;
  return keep(publish);
}

/// Gives the host all that waits, as events first, first + 1, ...
std::uint64_t offer_all(Ledger& ledger, std::uint64_t first) {
  while (ledger.waiting_count() != 0)
    ledger.offered(first++);
  return first;
}

TEST(MqttLedger, AcknowledgesInTheOrderOfArrival) {
  Ledger ledger;
  for (const std::uint16_t id : Ids{5, 3, 9})
    EXPECT_EQ(ledger.arrive(message(id)), Arrival::fresh);
  offer_all(ledger, 1);
  ledger.settle(3, true);
  ledger.settle(2, true);
  EXPECT_EQ(ledger.take_acknowledgeable(), Ids{});
  EXPECT_EQ(ledger.done_behind(), 2U);
  EXPECT_EQ(ledger.front().message->packet_id, 5);
  ledger.settle(1, true);
  EXPECT_EQ(ledger.take_acknowledgeable(), (Ids{5, 3, 9}));
  EXPECT_EQ(ledger.unacknowledged(), 0U);
  EXPECT_EQ(ledger.front().number, 0U);
}

TEST(MqttLedger, WhatIsGivenBackWaitsAgainInItsPlace) {
  Ledger ledger;
  ledger.arrive(message(1, "a"));
  ledger.arrive(message(2, "b"));
  offer_all(ledger, 1);
  ledger.arrive(message(3, "c"));
  ledger.settle(2, false);
  ledger.settle(1, false);
  const auto waiting = ledger.waiting(10);
  ASSERT_EQ(waiting.size(), 3U);
  EXPECT_EQ(waiting[0].message->payload, "a");
  EXPECT_EQ(waiting[2].message->payload, "c");
  offer_all(ledger, 10);
  ledger.settle(1, true);  // an event of old
  EXPECT_EQ(ledger.take_acknowledgeable(), Ids{});
  for (const std::uint64_t id : {10, 11, 12})
    ledger.settle(id, true);
  EXPECT_EQ(ledger.take_acknowledgeable(), (Ids{1, 2, 3}));
}

TEST(MqttLedger, Qos0NeedsNoAcknowledgement) {
  Ledger ledger;
  ledger.arrive(message(0));
  ledger.arrive(message(0));
  EXPECT_EQ(ledger.unacknowledged(), 0U);
  offer_all(ledger, 1);
  ledger.settle(1, true);
  ledger.settle(2, false);
  EXPECT_EQ(ledger.take_acknowledgeable(), Ids{});
  EXPECT_EQ(ledger.waiting_count(), 1U);
}

TEST(MqttLedger, ARepetitionOnTheNextConnectionIsTheSameEvent) {
  Ledger ledger;
  ledger.arrive(message(1, "a"));
  ledger.arrive(message(2, "b"));
  ledger.arrive(message(3, "c"));
  offer_all(ledger, 1);
  ledger.settle(2, true);
  ledger.connection_lost();
  EXPECT_EQ(ledger.take_acknowledgeable(), Ids{}) << "nobody can be told";
  ledger.settle(1, true);
  EXPECT_EQ(ledger.arrive(message(1, "a", true)), Arrival::known);
  EXPECT_EQ(ledger.arrive(message(2, "b", true)), Arrival::known);
  EXPECT_EQ(ledger.take_acknowledgeable(), (Ids{1, 2}));
  EXPECT_EQ(ledger.arrive(message(3, "c", true)), Arrival::known);
  EXPECT_EQ(ledger.waiting_count(), 0U);
  ledger.settle(3, true);
  EXPECT_EQ(ledger.take_acknowledgeable(), Ids{3});
}

TEST(MqttLedger, AnotherMessageUnderAnOldNumberIsDelivered) {
  Ledger ledger;
  ledger.arrive(message(1, "old"));
  offer_all(ledger, 1);
  ledger.connection_lost();
  EXPECT_EQ(ledger.arrive(message(1, "new")), Arrival::fresh);
  ledger.settle(1, true);
  EXPECT_EQ(ledger.take_acknowledgeable(), Ids{}) << "the old one's end is not the new one's";
  offer_all(ledger, 2);
  ledger.settle(2, true);
  EXPECT_EQ(ledger.take_acknowledgeable(), Ids{1});
}

TEST(MqttLedger, ANumberThatWasDoneAndNotRepeatedIsForgotten) {
  Ledger ledger;
  ledger.arrive(message(1, "a"));
  offer_all(ledger, 1);
  ledger.connection_lost();
  ledger.settle(1, true);
  ledger.connection_lost();  // a connection on which the broker did not repeat it
  EXPECT_EQ(ledger.arrive(message(1, "a")), Arrival::fresh);
}

TEST(MqttLedger, TwoMessagesUnderOneNumberAreARefusal) {
  Ledger ledger;
  ledger.arrive(message(1, "a"));
  EXPECT_EQ(ledger.arrive(message(1, "a")), Arrival::known);
  EXPECT_EQ(ledger.arrive(message(1, "b")), Arrival::contradicts);
  EXPECT_EQ(ledger.unacknowledged(), 1U);
}

TEST(MqttLedger, WithoutASessionWhatIsHereIsFinished) {
  Ledger ledger;
  ledger.arrive(message(1, "a"));
  ledger.arrive(message(2, "b"));
  offer_all(ledger, 1);
  ledger.settle(2, true);
  ledger.connection_lost();
  ledger.session_gone();
  EXPECT_EQ(ledger.arrive(message(1, "a")), Arrival::fresh) << "a number of the new session";
  ledger.settle(1, true);
  EXPECT_EQ(ledger.take_acknowledgeable(), Ids{});
  EXPECT_EQ(ledger.with_host(), 0U);
}

TEST(MqttLedger, ATakenSessionTakesItsEvents) {
  Ledger ledger;
  ledger.arrive(message(0, "mine"));
  ledger.arrive(message(1, "a"));
  ledger.arrive(message(2, "b"));
  offer_all(ledger, 1);
  ledger.arrive(message(3, "waits"));
  ledger.connection_lost();
  const auto out = ledger.session_taken();
  EXPECT_EQ((std::set<std::uint64_t>(out.begin(), out.end())), (std::set<std::uint64_t>{2, 3}));
  EXPECT_EQ(ledger.waiting_count(), 0U);
  EXPECT_EQ(ledger.with_host(), 1U);
  ledger.settle(2, false);
  EXPECT_EQ(ledger.waiting_count(), 0U);
}

/// A broker as the standard has it against the ledger, with losses of the connection: nothing is acknowledged that was not done,
/// acknowledgements come in order, and in the end everything was done.
TEST(MqttLedger, ManyRandomSessions) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    Ledger ledger;
    std::vector<std::pair<std::uint16_t, int>>
        unacknowledged;  // at the broker, in order: packet identifier, message
    std::map<std::uint64_t, int> out;
    std::set<int> done;
    std::uint64_t events = 0;
    int sent = 0;
    std::uint16_t ids = 0;
    const auto offer = [&] {
      for (const auto& one : ledger.waiting(100)) {
        ledger.offered(++events);
        out[events] = std::stoi(one.message->payload);
      }
    };
    const auto acknowledge = [&] {
      for (const std::uint16_t id : ledger.take_acknowledgeable()) {
        ASSERT_FALSE(unacknowledged.empty());
        ASSERT_EQ(unacknowledged.front().first, id) << "seed " << seed;
        ASSERT_TRUE(done.count(unacknowledged.front().second)) << "seed " << seed;
        unacknowledged.erase(unacknowledged.begin());
      }
    };
    for (int step = 0; step < 400; ++step) {
      const auto what = random() % 20;
      if (what < 9 && sent < 150 && unacknowledged.size() < 10) {
        ids = static_cast<std::uint16_t>(ids % 12 + 1);
        bool is_free = true;
        for (const auto& [id, number] : unacknowledged)
          is_free = is_free && id != ids;
        if (!is_free) continue;
        unacknowledged.emplace_back(ids, ++sent);
        ASSERT_EQ(ledger.arrive(message(ids, std::to_string(sent))), Arrival::fresh) << "seed " << seed;
        offer();
      } else if (what < 18 && !out.empty()) {
        auto one = out.begin();
        std::advance(one, static_cast<long>(random() % out.size()));
        const auto [event, number] = *one;
        out.erase(one);
        const bool is_done = random() % 4 != 0;
        if (is_done) done.insert(number);
        ledger.settle(event, is_done);
        offer();
        acknowledge();
      } else if (what == 19) {
        ledger.connection_lost();
        for (const auto& [id, number] : unacknowledged)
          ledger.arrive(message(id, std::to_string(number)));
        offer();
        acknowledge();
      }
    }
    while (!out.empty()) {
      done.insert(out.begin()->second);
      ledger.settle(out.begin()->first, true);
      out.erase(out.begin());
    }
    acknowledge();
    EXPECT_TRUE(unacknowledged.empty()) << "seed " << seed;
    EXPECT_EQ(done.size(), static_cast<std::size_t>(sent));
    EXPECT_EQ(ledger.with_host() + ledger.waiting_count() + ledger.unacknowledged(), 0U);
  }
}

}  // namespace
}  // namespace cleat::mqtt
