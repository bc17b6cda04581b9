#include "api/admin.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "base/json.hpp"
#include "base/loop.hpp"
#include "fake_host_view.hpp"

namespace cleat {
namespace {

using Code = AdminAnswer::Code;
using testing::FakeHostView;

constexpr std::uint64_t kNow = 1'000'000 * kSecond;

/// Catches the one answer.
class Caught {
 public:
  AdminDone take() {
    return [this](AdminAnswer&& answer) {
      EXPECT_FALSE(answer_) << "a second answer";
      answer_ = std::move(answer);
    };
  }
  [[nodiscard]] bool came() const { return answer_.has_value(); }
  [[nodiscard]] Code code() const { return answer_.value().code; }
  [[nodiscard]] const std::string& text() const { return answer_.value().text; }
  [[nodiscard]] json::Value json() const {
    EXPECT_EQ(code(), Code::document);
    auto parsed = json::parse(text());
    EXPECT_TRUE(parsed) << text();
    return parsed ? std::move(*parsed) : json::Value();
  }

 private:
  std::optional<AdminAnswer> answer_;
};

ComponentView input() {
  ComponentView view;
  view.name = "in";
  view.type = "bindings.kafka";
  view.version = "v1";
  view.capabilities = {"INPUT_BINDING", "OUTPUT_BINDING"};
  view.state = "degraded";
  view.reason = "1 event is blocked";
  view.since_wall_ns = kNow - 5 * kSecond;
  view.subscription = "yes";
  view.restarts = 3;
  view.required = true;
  view.last_error = "the application answered 500";
  view.last_error_wall_ns = kNow - kSecond;
  view.unsettled = 11;
  view.details = {{"lag", "9"}};
  DeliveryView& delivery = view.delivery;
  delivery.in_flight = 1, delivery.waiting = 2, delivery.held = 3, delivery.blocked = 4;
  delivery.attempts = 5, delivery.acked = 6, delivery.failed_attempts = 7, delivery.dropped = 8;
  delivery.dead_lettered = 9, delivery.handed_back = 10, delivery.abandoned = 12,
  delivery.replies_failed = 13;
  delivery.oldest_seen_wall_ns = kNow - 90 * kSecond - 250 * kMillisecond;
  delivery.longest_running_ns = 1500 * kMillisecond;
  delivery.last_success_wall_ns = kNow - 2 * kSecond;
  delivery.troubled_event = "topic/3@42";
  return view;
}

ComponentView output() {
  ComponentView view;
  view.name = "out";
  view.type = "bindings.null";
  view.capabilities = {"OUTPUT_BINDING"};
  view.state = "running";
  return view;
}

TEST(Admin, TellsAllOfAnInput) {
  FakeHostView host;
  host.views = {input()};
  Caught caught;
  show_component(host, "in", kNow, caught.take());
  const json::Value shown = caught.json();
  const std::pair<const char*, const char*> texts[] = {{"name", "in"},
                                                       {"type", "bindings.kafka"},
                                                       {"version", "v1"},
                                                       {"state", "degraded"},
                                                       {"reason", "1 event is blocked"},
                                                       {"subscription", "yes"},
                                                       {"since", "1970-01-12T13:46:35.000Z"},
                                                       {"lastSuccess", "1970-01-12T13:46:38.000Z"},
                                                       {"restarts", "3"},
                                                       {"required", "true"},
                                                       {"inFlight", "1"},
                                                       {"waiting", "2"},
                                                       {"held", "3"},
                                                       {"blocked", "4"},
                                                       {"attempts", "5"},
                                                       {"acked", "6"},
                                                       {"failedAttempts", "7"},
                                                       {"dropped", "8"},
                                                       {"deadLettered", "9"},
                                                       {"handedBack", "10"},
                                                       {"unsettled", "11"},
                                                       {"abandoned", "12"},
                                                       {"repliesFailed", "13"},
                                                       {"longestRunningSeconds", "1.500"},
                                                       {"troubledEvent", "topic/3@42"}};
  for (const auto& [name, text] : texts) {
    ASSERT_NE(shown.find(name), nullptr) << name;
    EXPECT_EQ(shown.find(name)->text, text) << name;
  }
  EXPECT_EQ(shown.find("capabilities")->items.size(), 2U);
  EXPECT_EQ(shown.find("lastError")->find("text")->text, "the application answered 500");
  EXPECT_EQ(shown.find("lastError")->find("at")->text, "1970-01-12T13:46:39.000Z");
  EXPECT_EQ(shown.find("oldestUnsettled")->find("ageSeconds")->text, "90.250");
  EXPECT_EQ(shown.find("oldestUnsettled")->find("at")->text, "1970-01-12T13:45:09.750Z");
  EXPECT_EQ(shown.find("details")->find("lag")->text, "9");
}

TEST(Admin, LeavesOutWhatThereIsNot) {
  FakeHostView host;
  host.views = {input(), output()};
  Caught caught;
  list_components(host, kNow, caught.take());
  const json::Value list = caught.json();
  ASSERT_EQ(list.find("components")->items.size(), 2U);
  const json::Value& shown = list.find("components")->items.at(1);
  EXPECT_EQ(shown.find("name")->text, "out");
  EXPECT_EQ(shown.find("required")->text, "false");
  for (const char* name : {"version", "reason", "since", "subscription", "lastError", "lastSuccess",
                           "inFlight", "oldestUnsettled", "troubledEvent", "details"})
    EXPECT_EQ(shown.find(name), nullptr) << name;
}

TEST(Admin, IsJsonWhateverTheNamesAre) {
  const std::string hostile("\"\\</script>\x01\n\xff\xe2\x80\xa8\0&", 19);
  FakeHostView host;
  ComponentView view = input();
  view.name = view.type = view.reason = view.last_error = view.delivery.troubled_event = hostile;
  view.details = {{hostile, hostile}};
  host.views = {view};
  HeldEvent event;
  event.id = event.last_answer = hostile;
  host.events = HeldEvents{{event}, 1};
  Caught components, events;
  list_components(host, kNow, components.take());
  list_held_events(host, "in", 1, kNow, events.take());
  for (const Caught* caught : {&components, &events}) {
    (void)caught->json();
    EXPECT_EQ(caught->text().find_first_of("<>&\n"), std::string::npos) << caught->text();
  }
}

TEST(Admin, ListsHeldEvents) {
  FakeHostView host;
  HeldEvent held{"topic/3@42", "held", 7, 4, 503, "503 busy", kNow - 3 * kSecond, kMillisecond + 1};
  HeldEvent blocked{"#9", "blocked", 0, 1, 0, "", kNow + kSecond, 0};
  host.events = HeldEvents{{held, blocked}, 250};
  Caught caught;
  list_held_events(host, "in", 2, kNow, caught.take());
  EXPECT_EQ(host.asked, (std::vector<std::string>{"events in 2"}));
  const json::Value list = caught.json();
  EXPECT_EQ(list.find("total")->text, "250");
  const json::Value& first = list.find("events")->items.at(0);
  EXPECT_EQ(first.find("id")->text, "topic/3@42");
  EXPECT_EQ(first.find("place")->text, "held");
  EXPECT_EQ(first.find("lane")->text, "7");
  EXPECT_EQ(first.find("attempts")->text, "4");
  EXPECT_EQ(first.find("lastStatus")->text, "503");
  EXPECT_EQ(first.find("lastAnswer")->text, "503 busy");
  EXPECT_EQ(first.find("firstSeen")->text, "1970-01-12T13:46:37.000Z");
  EXPECT_EQ(first.find("ageSeconds")->text, "3.000");
  EXPECT_EQ(first.find("nextAttemptInMs")->text, "2") << "rounded up";
  const json::Value& second = list.find("events")->items.at(1);
  EXPECT_EQ(second.find("ageSeconds")->text, "0.000") << "the clock was set back";
  for (const char* name : {"lastStatus", "lastAnswer", "nextAttemptInMs"})
    EXPECT_EQ(second.find(name), nullptr) << name;
}

TEST(Admin, NamesWhatItDoesNotKnow) {
  FakeHostView host;
  Caught component, events, event, paused;
  show_component(host, "x", kNow, component.take());
  list_held_events(host, "y", 1, kNow, events.take());
  host.decided = {Decided::Result::not_found, "no event"};
  decide_event(host, "in", "e", Decision::drop, event.take());
  host.decided = {Decided::Result::conflict, "it fails"};
  pause_component(host, "in", paused.take());
  EXPECT_EQ(component.code(), Code::not_found);
  EXPECT_EQ(component.text(), "there is no component 'x'");
  EXPECT_EQ(events.code(), Code::not_found);
  EXPECT_EQ(events.text(), "there is no input component 'y'");
  EXPECT_EQ(event.code(), Code::not_found);
  EXPECT_EQ(event.text(), "no event");
  EXPECT_EQ(paused.code(), Code::conflict);
  EXPECT_EQ(paused.text(), "it fails");
}

TEST(Admin, PassesDecisionsOn) {
  FakeHostView host;
  Caught caught[5];
  decide_event(host, "in", "a/b", Decision::retry, caught[0].take());
  decide_event(host, "in", "a/b", Decision::dead_letter, caught[1].take());
  decide_event(host, "in", "a/b", Decision::drop, caught[2].take());
  pause_component(host, "in", caught[3].take());
  resume_component(host, "in", caught[4].take());
  for (const Caught& one : caught)
    EXPECT_EQ(one.code(), Code::done);
  EXPECT_EQ(host.asked, (std::vector<std::string>{"retry in a/b", "dead-letter in a/b", "drop in a/b",
                                                  "pause in", "resume in"}));
}

TEST(Admin, TellsWhatTheFarEndSays) {
  using Result = FarEnd::Result;
  const std::pair<Result, Code> cases[] = {{Result::answers, Code::done},
                                           {Result::silent, Code::unreachable},
                                           {Result::not_asked, Code::conflict},
                                           {Result::not_found, Code::not_found}};
  for (const auto& [result, code] : cases) {
    FakeHostView host;
    host.far_end = {result, "why"};
    Caught caught;
    ping_component(host, "out", caught.take());
    EXPECT_EQ(caught.code(), code);
    EXPECT_EQ(caught.text(), "why");
    EXPECT_EQ(host.asked, (std::vector<std::string>{"ping out"}));
  }
}

TEST(Admin, AnswersLater) {
  FakeHostView host;
  host.views = {output()};
  host.hold = true;
  Caught caught;
  {
    const std::string gone = "out";
    show_component(host, gone, kNow, caught.take());
  }
  EXPECT_FALSE(caught.came());
  host.held.at(0)();
  EXPECT_EQ(caught.json().find("name")->text, "out");
}

TEST(Admin, IsReadyWhenTheHostAndWhatIsRequiredAre) {
  FakeHostView host;
  Caught ready, starting, both;
  readiness(host, ready.take());
  EXPECT_EQ(ready.code(), Code::done);
  host.required_waiting = {"in is failed"};
  readiness(host, starting.take());
  EXPECT_EQ(starting.code(), Code::not_ready);
  EXPECT_EQ(starting.text(), "the host is not ready: [in is failed]");
  host.waiting_for = {"application"};
  readiness(host, both.take());
  EXPECT_EQ(both.text(), "the host is not ready: [application, in is failed]");
}

}  // namespace
}  // namespace cleat
