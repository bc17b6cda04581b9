#include "config/host_fields.hpp"

#include <cleat/plugin.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/delivery_readers.hpp"
#include "config/field_readers.hpp"

namespace cleat {
namespace {

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
  read_time(target, value, target.fields.invoke_timeout_ns);
}

void read_strict(HostFieldTarget& target, std::string_view value) {
  read_flag(target, value, target.fields.strict);
}

void read_rich_status(HostFieldTarget& target, std::string_view value) {
  read_flag(target, value, target.fields.rich_status);
}

void read_required(HostFieldTarget& target, std::string_view value) {
  read_flag(target, value, target.fields.required);
}

constexpr std::array<Word<InitPolicy>, 3> kInitPolicies{
    {{"retry", InitPolicy::retry}, {"fail", InitPolicy::fail}, {"ignore", InitPolicy::ignore}}};

void read_init_policy(HostFieldTarget& target, std::string_view value) {
  read_word(target, value, kInitPolicies, target.fields.init_policy);
  target.fields.init_policy_given = !trim(value).empty();
}

bool is_word_of_content_type(std::string_view value) {
  return iequals(trim(value), "source") || iequals(trim(value), "json");
}

void read_content_type(HostFieldTarget& target, std::string_view value) {
  const std::string word = to_lower(trim(value));
  target.fields.content_type_from_source = word == "source";
  if (word.empty() || is_word_of_content_type(word) || word == "application/json") return;
  expected(target, "json or source", value);
}

constexpr std::array kOwnFields{
    HostField{"direction", "input, output or both: which halves of the type are used", read_direction},
    HostField{"route", "path on the application that events are posted to; the component's name by default",
              read_route},
    HostField{"invokeTimeout", "how long an output call may take", read_invoke_timeout},
    HostField{"strict", "unknown metadata fields are errors", read_strict},
    HostField{"contentType", "source: events carry the source's own content type; json by default",
              read_content_type, is_word_of_content_type},
    HostField{"richStatus", "failed output calls answer with the status that fits instead of 500",
              read_rich_status},
    HostField{"required", "readiness waits for the component", read_required},
    HostField{"initPolicy", "retry, fail or ignore: what a failed start means; retry by default",
              read_init_policy},
};

}  // namespace

std::vector<HostField> host_fields() {
  std::vector<HostField> all(kOwnFields.begin(), kOwnFields.end());
  all.insert(all.end(), delivery_fields().begin(), delivery_fields().end());
  return all;
}

const HostField* find_host_field(std::string_view name) {
  for (const std::span<const HostField> fields :
       {std::span<const HostField>(kOwnFields), delivery_fields()}) {
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [&](const HostField& field) { return iequals(field.name, name); });
    if (found != fields.end()) return &*found;
  }
  return nullptr;
}

std::optional<InitPolicy> init_policy_of(std::string_view word) {
  const auto found = std::find_if(kInitPolicies.begin(), kInitPolicies.end(),
                                  [&](const auto& policy) { return iequals(policy.first, trim(word)); });
  return found == kInitPolicies.end() ? std::nullopt : std::optional(found->second);
}

bool is_host_field(std::string_view name) {
  const HostField* const field = find_host_field(name);
  return field != nullptr && field->is_own_word == nullptr;
}

}  // namespace cleat
