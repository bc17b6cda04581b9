#include "config/host_fields.hpp"

#include <cleat/plugin.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/field_value.hpp"

namespace cleat {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

std::string direction_names(std::uint32_t directions) {
  if (directions == (CLEAT_IN | CLEAT_OUT)) return "input and output";
  return (directions & CLEAT_IN) != 0 ? "input" : (directions & CLEAT_OUT) != 0 ? "output" : "nothing";
}

/// As Dapr reads it: a list with commas, blanks and case do not matter. An unknown word, which Dapr passes
/// over, is a fault.
void read_direction(HostFieldTarget& target, std::string_view value) {
  std::uint32_t wanted = 0;
  for (const std::string& item : split_list(value)) {
    const std::string word = to_lower(item);
    if (word == "input") {
      wanted |= CLEAT_IN;
    } else if (word == "output") {
      wanted |= CLEAT_OUT;
    } else {
      target.faults.push_back(fmt::format("expected input, output or both with a comma, found '{}'", item));
    }
  }
  if (wanted == 0) return;
  const std::uint32_t offered = target.type.directions;
  target.fields.direction_given = (wanted & CLEAT_IN) != 0;
  target.fields.directions = offered & wanted;
  if ((wanted & ~offered) == 0) return;
  target.warnings.push_back(fmt::format(
      "asks for {}, but {} offers {}: {}", direction_names(wanted & ~offered), target.type.type,
      direction_names(offered),
      target.fields.directions == 0 ? "the component does nothing" : "the other direction is used"));
}

void read_route(HostFieldTarget& target, std::string_view value) {
  target.fields.route = value;
}

void read_invoke_timeout(HostFieldTarget& target, std::string_view value) {
  if (trim(value).empty()) return;
  const auto timeout = parse_duration(trim(value), kNsPerSecond);
  if (timeout && *timeout >= 0) {
    target.fields.invoke_timeout_ns = static_cast<std::uint64_t>(*timeout);
    return;
  }
  target.faults.push_back(
      fmt::format("expected a duration such as 30s, or a number of seconds, found '{}'", value));
}

void read_flag(HostFieldTarget& target, std::string_view value, bool& flag) {
  const auto boolean = boolean_of(value);
  if (boolean) {
    flag = *boolean;
  } else {
    target.faults.push_back(fmt::format("expected true or false, found '{}'", value));
  }
}

void read_strict(HostFieldTarget& target, std::string_view value) {
  read_flag(target, value, target.fields.strict);
}

void read_rich_status(HostFieldTarget& target, std::string_view value) {
  read_flag(target, value, target.fields.rich_status);
}

void read_content_type(HostFieldTarget& target, std::string_view value) {
  const std::string word = to_lower(trim(value));
  target.fields.content_type_from_source = word == "source";
  if (word.empty() || word == "source" || word == "json" || word == "application/json") return;
  target.faults.push_back(fmt::format("expected json or source, found '{}'", value));
}

constexpr std::array kHostFields{
    HostField{"direction", "input, output or both: which halves of the type are used", read_direction},
    HostField{"route", "path on the application that events are posted to; the component's name by default",
              read_route},
    HostField{"invokeTimeout", "how long an output call may take", read_invoke_timeout},
    HostField{"strict", "unknown metadata fields are errors", read_strict},
    HostField{"contentType", "source: events carry the source's own content type; json by default",
              read_content_type},
    HostField{"richStatus", "failed output calls answer with the status that fits instead of 500",
              read_rich_status},
    HostField{"required", "readiness waits for the component", nullptr},
    HostField{"initPolicy", "what a failed init means", nullptr},
    HostField{"ordering", "none, key, partition or strict: which events wait for each other", nullptr},
    HostField{"maxInFlight", "attempts that run at a time", nullptr},
    HostField{"maxHeld", "events that wait in the host", nullptr},
    HostField{"handlerTimeout", "how long the application may take for an event", nullptr},
    HostField{"batchMax", "events in one request", nullptr},
    HostField{"batchLinger", "how long a batch waits to fill", nullptr},
    HostField{"maxAttempts", "attempts before onExhausted", nullptr},
    HostField{"maxElapsed", "time before onExhausted", nullptr},
    HostField{"retryPolicy", "name of a retry policy", nullptr},
    HostField{"maxRetryAfter", "longest Retry-After that is followed", nullptr},
    HostField{"onExhausted", "block, dead-letter or drop", nullptr},
    HostField{"deadLetter", "component for events that the application refuses, or broker", nullptr},
    HostField{"deadLetterOperation", "operation of the dead-letter component", nullptr},
    HostField{"deadLetterMetadata", "metadata for the dead-letter component", nullptr},
    HostField{"deadLetterBurst", "dead letters in a row before the component stops", nullptr},
    HostField{"deadLetterTooLarge", "what becomes of an event that the dead-letter component refuses",
              nullptr},
    HostField{"deliveryStatus", "what the application's status codes mean", nullptr},
    HostField{"deliveryReply", "status: the body of a 2xx answer says what becomes of the event", nullptr},
    HostField{"replyOutputs", "whether an answer may call output bindings", nullptr},
    HostField{"replyOutputsAllowed", "output bindings that an answer may call", nullptr},
};

}  // namespace

std::span<const HostField> host_fields() {
  return kHostFields;
}

const HostField* find_host_field(std::string_view name) {
  const auto found = std::find_if(kHostFields.begin(), kHostFields.end(),
                                  [&](const HostField& field) { return iequals(field.name, name); });
  return found == kHostFields.end() ? nullptr : &*found;
}

bool is_host_field(std::string_view name) {
  return find_host_field(name) != nullptr;
}

}  // namespace cleat
