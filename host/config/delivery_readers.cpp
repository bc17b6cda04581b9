#include "config/delivery_readers.hpp"

#include <array>
#include <limits>

#include "base/json.hpp"
#include "config/field_readers.hpp"

namespace cleat {
namespace {

constexpr std::uint32_t kAnyCount = std::numeric_limits<std::uint32_t>::max();

template <auto kMember, std::uint32_t kLeast, std::uint32_t kMost>
void read_count(HostFieldTarget& target, std::string_view value) {
  read_whole(target, value, kLeast, kMost, target.fields.delivery.*kMember);
}

template <auto kMember>
void read_duration(HostFieldTarget& target, std::string_view value) {
  read_time(target, value, target.fields.delivery.*kMember);
}

template <auto kMember>
void read_name(HostFieldTarget& target, std::string_view value) {
  if (!trim(value).empty()) target.fields.delivery.*kMember = trim(value);
}

void read_ordering(HostFieldTarget& target, std::string_view value) {
  constexpr std::array<Word<Ordering>, 4> kWords{{{"none", Ordering::none},
                                                  {"key", Ordering::key},
                                                  {"partition", Ordering::partition},
                                                  {"strict", Ordering::strict}}};
  read_word(target, value, kWords, target.fields.delivery.ordering);
}

void read_on_exhausted(HostFieldTarget& target, std::string_view value) {
  constexpr std::array<Word<OnExhausted>, 3> kWords{{{"block", OnExhausted::block},
                                                     {"dead-letter", OnExhausted::dead_letter},
                                                     {"drop", OnExhausted::drop}}};
  read_word(target, value, kWords, target.fields.delivery.on_exhausted);
}

void read_too_large(HostFieldTarget& target, std::string_view value) {
  constexpr std::array<Word<bool>, 2> kWords{{{"block", false}, {"envelope-only", true}}};
  read_word(target, value, kWords, target.fields.delivery.envelope_only_when_too_large);
}

void read_delivery_reply(HostFieldTarget& target, std::string_view value) {
  constexpr std::array<Word<bool>, 2> kWords{{{"status", true}, {"off", false}}};
  read_word(target, value, kWords, target.fields.delivery.delivery_reply);
}

void read_reply_outputs(HostFieldTarget& target, std::string_view value) {
  constexpr std::array<Word<bool>, 2> kWords{{{"off", false}, {"after-ack", true}}};
  read_word(target, value, kWords, target.fields.delivery.reply_outputs);
}

void read_reply_outputs_allowed(HostFieldTarget& target, std::string_view value) {
  read_names(target, value, target.fields.delivery.reply_outputs_allowed);
}

void read_max_held_bytes(HostFieldTarget& target, std::string_view value) {
  if (trim(value).empty()) return;
  const auto bytes = parse_quantity(trim(value));
  if (bytes && *bytes > 0) {
    target.fields.delivery.max_held_bytes = static_cast<std::uint64_t>(*bytes);
  } else {
    expected(target, "a size above zero such as 64Mi", value);
  }
}

void read_dead_letter(HostFieldTarget& target, std::string_view value) {
  const std::string_view name = trim(value);
  target.fields.delivery.dead_letter = iequals(name, "broker") ? "broker" : std::string(name);
}

// A mapping of the file arrives as the text of a JSON object. Its values may be secrets, so they are not shown.
void read_dead_letter_metadata(HostFieldTarget& target, std::string_view value) {
  if (trim(value).empty()) return;
  const auto object = json::parse(value);
  if (!object || !object->is(json::Kind::object)) {
    target.faults.emplace_back("expected a mapping such as {key: \"{id}\"}, found something else");
    return;
  }
  for (const auto& [name, given] : object->members) {
    if (given.is(json::Kind::string) || given.is(json::Kind::number) || given.is(json::Kind::boolean)) {
      target.fields.delivery.dead_letter_metadata.emplace_back(name, given.text);
    } else {
      target.faults.push_back(fmt::format(
          "expected text, a number or true or false for '{}', found another kind of value", name));
    }
  }
}

using Fields = DeliveryFields;
constexpr std::array kDeliveryFields{
    HostField{"ordering",
              "none, key, partition or strict: which events wait for each other; partition by default",
              read_ordering},
    HostField{"maxInFlight", "attempts that run at a time; 64 by default",
              read_count<&Fields::max_in_flight, 1, 65'535>},
    HostField{"maxHeld", "failed events that wait in the host; 1000 by default",
              read_count<&Fields::max_held, 1, 1'000'000>},
    HostField{"maxHeldBytes", "bytes of failed events that wait in the host; 64Mi by default",
              read_max_held_bytes},
    HostField{"handlerTimeout", "how long the application may take for an event; no limit by default",
              read_duration<&Fields::handler_timeout_ns>},
    HostField{"batchMax", "events in one request, at most 10000; 0 or 1: one by one, the default",
              read_count<&Fields::batch_max, 0, 10'000>},
    HostField{"batchLinger", "how long the first event of a batch waits for others",
              read_duration<&Fields::batch_linger_ns>},
    HostField{"maxAttempts", "attempts before onExhausted; 0: no limit, the default",
              read_count<&Fields::max_attempts, 0, kAnyCount>},
    HostField{"maxElapsed", "time from the first attempt before onExhausted; 0: no limit, the default",
              read_duration<&Fields::max_elapsed_ns>},
    HostField{"retryPolicy", "name of a retry policy in a Resiliency file", read_name<&Fields::retry_policy>},
    HostField{"maxRetryAfter", "longest Retry-After that is followed; 60s by default",
              read_duration<&Fields::max_retry_after_ns>},
    HostField{
        "onExhausted",
        "block, dead-letter or drop: what becomes of an event whose attempts are used up; block by default",
        read_on_exhausted},
    HostField{"deadLetter", "output component for events that are given up, or broker", read_dead_letter},
    HostField{"deadLetterOperation", "operation of the dead-letter component; create by default",
              read_name<&Fields::dead_letter_operation>},
    HostField{"deadLetterMetadata", "mapping with metadata for the dead-letter component",
              read_dead_letter_metadata},
    HostField{"deadLetterBurst", "dead letters in a row before the component stops; 100 by default",
              read_count<&Fields::dead_letter_burst, 1, kAnyCount>},
    HostField{"deadLetterTooLarge",
              "block or envelope-only: what becomes of an event that is too large for its dead letter",
              read_too_large},
    HostField{"deliveryStatus",
              "what the application's status codes mean, such as 400-499:dead-letter, 409:ack",
              read_name<&Fields::delivery_status>},
    HostField{"deliveryReply",
              "status: the body of a 2xx answer says what becomes of the event; off by default",
              read_delivery_reply},
    HostField{"replyOutputs", "after-ack: an answer may call output bindings; off by default",
              read_reply_outputs},
    HostField{"replyOutputsAllowed", "output bindings that an answer may call", read_reply_outputs_allowed},
};

}  // namespace

std::span<const HostField> delivery_fields() {
  return kDeliveryFields;
}

}  // namespace cleat
