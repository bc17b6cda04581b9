#include <cleat/plugin.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/metadata.hpp"

namespace cleat {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

BindingType input_type() {
  BindingType type;
  type.type = "bindings.x";
  type.directions = CLEAT_IN;
  return type;
}

Result<CheckedMetadata> check(std::vector<MetadataItem> metadata, const BindingType& type = input_type()) {
  Component component;
  component.name = "c";
  component.file = "a.yaml";
  component.metadata = std::move(metadata);
  return check_metadata(component, type);
}

DeliveryFields delivery(std::vector<MetadataItem> metadata) {
  const auto checked = check(std::move(metadata));
  if (!checked) ADD_FAILURE() << checked.error().text;
  EXPECT_THAT(checked ? checked->warnings : std::vector<std::string>{}, IsEmpty());
  return checked ? checked->host.delivery : DeliveryFields{};
}

TEST(DeliveryFields, HaveDefaults) {
  const DeliveryFields fields = delivery({});
  EXPECT_EQ(fields.ordering, Ordering::partition);
  EXPECT_EQ(fields.max_in_flight, 64U);
  EXPECT_EQ(fields.max_held, 1000U);
  EXPECT_EQ(fields.max_held_bytes, 64U << 20);
  EXPECT_EQ(fields.max_retry_after_ns, 60 * kSecond);
  EXPECT_EQ(fields.on_exhausted, OnExhausted::block);
  EXPECT_EQ(fields.dead_letter_operation, "create");
  EXPECT_EQ(fields.dead_letter_burst, 100U);
  EXPECT_FALSE(fields.reply_outputs);
}

TEST(DeliveryFields, AreAllRead) {
  const DeliveryFields fields = delivery({{"ordering", "Strict"},
                                          {"maxinflight", "5"},
                                          {"maxHeld", "7"},
                                          {"maxHeldBytes", "1Mi"},
                                          {"handlerTimeout", "2m"},
                                          {"batchMax", "100"},
                                          {"batchLinger", "5ms"},
                                          {"maxAttempts", "4"},
                                          {"maxElapsed", "1h"},
                                          {"retryPolicy", "important"},
                                          {"maxRetryAfter", "10"},
                                          {"onExhausted", "Dead-Letter"},
                                          {"deadLetter", "parking"},
                                          {"deadLetterOperation", "put"},
                                          {"deadLetterMetadata", R"({"key":"{id}","n":1.50,"b":true})"},
                                          {"deadLetterBurst", "3"},
                                          {"deadLetterTooLarge", "envelope-only"},
                                          {"deliveryStatus", "404:ack"},
                                          {"deliveryReply", "status"},
                                          {"replyOutputs", "after-ack"},
                                          {"replyOutputsAllowed", "a, b"}});
  EXPECT_EQ(fields.ordering, Ordering::strict);
  EXPECT_EQ(fields.max_in_flight, 5U);
  EXPECT_EQ(fields.max_held, 7U);
  EXPECT_EQ(fields.max_held_bytes, 1U << 20);
  EXPECT_EQ(fields.handler_timeout_ns, 120 * kSecond);
  EXPECT_EQ(fields.batch_max, 100U);
  EXPECT_EQ(fields.batch_linger_ns, 5 * kMillisecond);
  EXPECT_EQ(fields.max_attempts, 4U);
  EXPECT_EQ(fields.max_elapsed_ns, 3600 * kSecond);
  EXPECT_EQ(fields.retry_policy, "important");
  EXPECT_EQ(fields.max_retry_after_ns, 10 * kSecond);
  EXPECT_EQ(fields.on_exhausted, OnExhausted::dead_letter);
  EXPECT_EQ(fields.dead_letter, "parking");
  EXPECT_EQ(fields.dead_letter_operation, "put");
  EXPECT_THAT(fields.dead_letter_metadata,
              ElementsAre(Pair("key", "{id}"), Pair("n", "1.50"), Pair("b", "true")));
  EXPECT_EQ(fields.dead_letter_burst, 3U);
  EXPECT_TRUE(fields.envelope_only_when_too_large);
  EXPECT_EQ(fields.delivery_status, "404:ack");
  EXPECT_TRUE(fields.delivery_reply);
  EXPECT_TRUE(fields.reply_outputs);
  EXPECT_THAT(fields.reply_outputs_allowed, ElementsAre("a", "b"));
  EXPECT_THAT(delivery({{"replyOutputs", "after-ack"}, {"replyOutputsAllowed", R"(["c","d"])"}})
                  .reply_outputs_allowed,
              ElementsAre("c", "d"));
}

TEST(DeliveryFields, RequiredAndInitPolicyAreRead) {
  const auto none = check({});
  EXPECT_FALSE(none->host.required || none->host.init_policy_given);
  const auto given = check({{"required", "true"}, {"initPolicy", "ignore"}});
  ASSERT_TRUE(given);
  EXPECT_TRUE(given->host.required && given->host.init_policy_given);
  EXPECT_EQ(given->host.init_policy, InitPolicy::ignore);
}

TEST(DeliveryFields, FaultsSayWhatIsExpectedAndFound) {
  const std::pair<MetadataItem, const char*> rows[] = {
      {{"ordering", "fifo"}, "expected none, key, partition or strict, found 'fifo'"},
      {{"maxInFlight", "0"}, "expected a whole number from 1 to 65535, found '0'"},
      {{"maxInFlight", "65536"}, "found '65536'"},
      {{"maxHeld", "many"}, "expected a whole number from 1 to 1000000, found 'many'"},
      {{"maxHeldBytes", "0"}, "expected a size above zero"},
      {{"handlerTimeout", "-1s"}, "expected a duration such as 30s"},
      {{"batchMax", "10001"}, "from 0 to 10000"},
      {{"onExhausted", "panic"}, "expected block, dead-letter or drop, found 'panic'"},
      {{"deadLetterTooLarge", "cut"}, "expected block or envelope-only"},
      {{"deliveryReply", "yes"}, "expected status or off"},
      {{"replyOutputs", "on"}, "expected off or after-ack"},
      {{"replyOutputsAllowed", "[1]"}, "expected names with commas"},
      {{"initPolicy", "never"}, "expected retry, fail or ignore"},
      {{"required", "maybe"}, "expected true or false"},
      {{"deadLetterMetadata", "key=x"}, "expected a mapping"},
      {{"deadLetterMetadata", R"({"a":null})"}, "expected text, a number or true or false for 'a'"},
      {{"deadLetter", "Broker"},
       "bindings.x has no dead letter of its own (broker_dead_letter in its manifest)"}};
  for (const auto& [item, text] : rows) {
    const auto checked = check({item});
    ASSERT_FALSE(checked) << item.name << ": " << item.value;
    EXPECT_THAT(checked.error().text, AllOf(HasSubstr("field '" + item.name + "'"), HasSubstr(text)));
  }
}

TEST(DeliveryFields, BrokerIsATargetWhereTheTypeHasOne) {
  BindingType type = input_type();
  type.broker_dead_letter = true;
  const auto checked = check({{"deadLetter", "BROKER"}, {"deadLetterOperation", "put"}}, type);
  ASSERT_TRUE(checked) << checked.error().text;
  EXPECT_EQ(checked->host.delivery.dead_letter, "broker");
  EXPECT_THAT(checked->warnings,
              ElementsAre(HasSubstr("'deadLetterOperation' has no effect with deadLetter: broker")));
}

TEST(DeliveryFields, WhatDoesNothingIsAWarning) {
  const std::pair<MetadataItem, const char*> rows[] = {
      {{"batchLinger", "1s"}, "without batchMax"},
      {{"deadLetterOperation", "put"}, "without deadLetter"},
      {{"deadLetterMetadata", R"({"a":"b"})"}, "without deadLetter"},
      {{"replyOutputsAllowed", "a"}, "without replyOutputs"},
      {{"replyOutputs", "after-ack"}, "names no output"},
      {{"onExhausted", "dead-letter"}, "such an event is blocked"}};
  for (const auto& [item, text] : rows) {
    const auto checked = check({item});
    ASSERT_TRUE(checked) << checked.error().text;
    EXPECT_THAT(checked->warnings, ElementsAre(AllOf(HasSubstr("'" + item.name + "'"), HasSubstr(text))));
  }
}

TEST(DeliveryFields, WithoutAnInputEachIsAWarning) {
  BindingType type = input_type();
  type.directions = CLEAT_IN | CLEAT_OUT;
  const auto checked =
      check({{"direction", "output"}, {"maxAttempts", "3"}, {"ordering", "key"}, {"required", "true"}}, type);
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->warnings.size(), 2U);
  for (const std::string& warning : checked->warnings)
    EXPECT_THAT(warning, HasSubstr("has no effect: the component has no input"));
}

Field fed(const char* name, Field::Type type, Field::Feeds feeds) {
  Field field;
  field.name = name;
  field.type = type;
  field.bare_unit = type == Field::Type::duration ? "ms" : "";
  field.feeds = feeds;
  return field;
}

BindingType fed_type(bool with_switch) {
  using Feeds = Field::Feeds;
  using Type = Field::Type;
  BindingType type = input_type();
  type.fields = {fed("policy", Type::string, Feeds::retry_policy),
                 fed("wait", Type::duration, Feeds::retry_duration),
                 fed("first", Type::duration, Feeds::retry_initial_interval),
                 fed("cap", Type::duration, Feeds::retry_max_interval),
                 fed("elapsed", Type::duration, Feeds::retry_max_elapsed),
                 fed("factor", Type::number, Feeds::retry_multiplier),
                 fed("off", Type::number, Feeds::retry_randomization),
                 fed("retries", Type::integer, Feeds::retry_max_retries)};
  type.fields[1].default_value = "9s";
  if (with_switch) {
    type.fields.push_back(fed("enabled", Type::boolean, Feeds::retry_enabled));
    type.fields.back().default_value = "true";
  }
  return type;
}

TEST(FedRetry, DefaultsOfTheManifestAskForNothing) {
  EXPECT_FALSE(check({}, fed_type(false))->host.fed_retry);
  EXPECT_FALSE(check({}, fed_type(true))->host.fed_retry);
}

TEST(FedRetry, CountsOnlyWithItsSwitchOn) {
  for (const char* off : {"false", ""}) {
    const auto checked = check({{"enabled", off}, {"retries", "3"}}, fed_type(true));
    ASSERT_TRUE(checked);
    EXPECT_FALSE(checked->host.fed_retry);
    EXPECT_THAT(checked->warnings, ElementsAre(HasSubstr("'retries' has no effect")));
  }
  const auto on = check({{"enabled", "yes"}}, fed_type(true));
  ASSERT_TRUE(on->host.fed_retry);
  EXPECT_EQ(on->host.fed_retry->wait.first_ns, 5 * kSecond);
  EXPECT_EQ(on->host.fed_retry->wait.factor, 1);
  EXPECT_EQ(on->host.fed_retry->max_attempts, 0U);
  EXPECT_EQ(on->host.fed_retry->max_elapsed_ns, 0U);
}

TEST(FedRetry, RetriesAreAttemptsAfterTheFirst) {
  EXPECT_EQ(check({{"retries", "3"}}, fed_type(false))->host.fed_retry->max_attempts, 4U);
  EXPECT_EQ(check({{"retries", "0"}}, fed_type(false))->host.fed_retry->max_attempts, 1U);
  EXPECT_EQ(check({{"retries", "-1"}}, fed_type(false))->host.fed_retry->max_attempts, 0U);
}

TEST(FedRetry, ExponentialHasDaprsDefaultsAndNoEndOfItsOwnWhenUnlimited) {
  const auto unlimited = check({{"policy", "Exponential"}}, fed_type(false))->host.fed_retry;
  ASSERT_TRUE(unlimited);
  EXPECT_EQ(unlimited->wait.first_ns, 500 * kMillisecond);
  EXPECT_EQ(unlimited->wait.cap_ns, 60 * kSecond);
  EXPECT_EQ(unlimited->wait.factor, 1.5);
  EXPECT_EQ(unlimited->wait.low, 0.5);
  EXPECT_EQ(unlimited->wait.high, 1.5);
  EXPECT_EQ(unlimited->max_elapsed_ns, 0U);
  EXPECT_EQ(
      check({{"policy", "exponential"}, {"retries", "5"}}, fed_type(false))->host.fed_retry->max_elapsed_ns,
      15 * 60 * kSecond);
  const auto all = check({{"policy", "exponential"},
                          {"first", "100"},
                          {"cap", "10s"},
                          {"elapsed", "1m"},
                          {"factor", "2"},
                          {"off", "0"}},
                         fed_type(false))
                       ->host.fed_retry;
  EXPECT_EQ(all->wait.first_ns, 100 * kMillisecond);
  EXPECT_EQ(all->wait.cap_ns, 10 * kSecond);
  EXPECT_EQ(all->wait.factor, 2);
  EXPECT_EQ(all->wait.low, 1);
  EXPECT_EQ(all->max_elapsed_ns, 60 * kSecond);
}

TEST(FedRetry, WhatThePolicyDoesNotUseIsAWarningAndWrongValuesAreFaults) {
  EXPECT_THAT(check({{"wait", "1s"}, {"policy", "exponential"}}, fed_type(false))->warnings,
              ElementsAre(HasSubstr("'wait' has no effect with the exponential policy")));
  EXPECT_THAT(check({{"elapsed", "1s"}}, fed_type(false))->warnings,
              ElementsAre(HasSubstr("'elapsed' has no effect")));
  EXPECT_THAT(check({{"policy", "linear"}}, fed_type(false)).error().text,
              HasSubstr("expected constant or exponential"));
  EXPECT_THAT(check({{"policy", "exponential"}, {"off", "2"}}, fed_type(false)).error().text,
              HasSubstr("expected a number from 0 to 1, found '2'"));
  EXPECT_THAT(check({{"wait", "-1s"}}, fed_type(false)).error().text, HasSubstr("not below zero"));
}

TEST(FedRetry, CountsForAnInputOnly) {
  BindingType type = fed_type(false);
  type.directions = CLEAT_IN | CLEAT_OUT;
  for (Field& field : type.fields)
    field.directions = CLEAT_IN;
  EXPECT_FALSE(check({{"direction", "output"}, {"retries", "3"}}, type)->host.fed_retry);
  EXPECT_TRUE(check({{"direction", "input"}, {"retries", "3"}}, type)->host.fed_retry);
}

}  // namespace
}  // namespace cleat
