#include "config/fed_retry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/text.hpp"

namespace cleat {
namespace {

using Feeds = Field::Feeds;

constexpr std::uint64_t kDuration = 5 * kSecond;
constexpr std::uint64_t kInitialInterval = 500 * kMillisecond;
constexpr std::uint64_t kMaxInterval = 60 * kSecond;
constexpr std::uint64_t kMaxElapsed = 15 * 60 * kSecond;
constexpr double kMultiplier = 1.5;
constexpr double kRandomization = 0.5;

class Reader {
 public:
  Reader(const FedValues& given, std::vector<FieldRemark>& faults) : given_(given), faults_(faults) {}

  [[nodiscard]] const FedValue* find(Feeds feeds) const {
    const auto found = given_.find(feeds);
    return found == given_.end() ? nullptr : &found->second;
  }

  [[nodiscard]] std::uint64_t duration(Feeds feeds, std::uint64_t otherwise) const {
    const FedValue* const given = find(feeds);
    if (given == nullptr) return otherwise;
    const auto ns = parse_integer(given->value).value_or(0);
    if (ns >= 0) return static_cast<std::uint64_t>(ns);
    faults_.push_back({given->name, "expected a duration that is not below zero, found one that is"});
    return otherwise;
  }

  [[nodiscard]] double number(Feeds feeds, double least, double most, double otherwise) const {
    const FedValue* const given = find(feeds);
    if (given == nullptr) return otherwise;
    double number = otherwise;
    std::from_chars(given->value.data(), given->value.data() + given->value.size(), number);
    if (number >= least && number <= most) return number;
    faults_.push_back(
        {given->name, fmt::format("expected a number from {} to {}, found '{}'", least, most, given->value)});
    return otherwise;
  }

  /// As a number of attempts; 0: no limit.
  [[nodiscard]] std::uint32_t attempts() const {
    const FedValue* const given = find(Feeds::retry_max_retries);
    if (given == nullptr) return 0;
    const std::int64_t retries = parse_integer(given->value).value_or(-1);
    constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max() - 1;
    return retries < 0 ? 0 : static_cast<std::uint32_t>(std::min(retries, kMost) + 1);
  }

 private:
  const FedValues& given_;
  std::vector<FieldRemark>& faults_;
};

void read_exponential(const Reader& reader, RetryPolicy& retry) {
  constexpr double kLargestMultiplier = 1000;
  const double off = reader.number(Feeds::retry_randomization, 0, 1, kRandomization);
  retry.wait.first_ns = reader.duration(Feeds::retry_initial_interval, kInitialInterval);
  retry.wait.cap_ns = reader.duration(Feeds::retry_max_interval, kMaxInterval);
  retry.wait.factor = reader.number(Feeds::retry_multiplier, 1, kLargestMultiplier, kMultiplier);
  retry.wait.low = 1 - off;
  retry.wait.high = 1 + off;
  retry.max_elapsed_ns = reader.duration(Feeds::retry_max_elapsed, retry.max_attempts == 0 ? 0 : kMaxElapsed);
}

void warn_without_effect(const FedValues& given, bool exponential, std::vector<FieldRemark>& warnings) {
  for (const auto& [feeds, value] : given) {
    if (feeds == Feeds::retry_enabled || feeds == Feeds::retry_policy || feeds == Feeds::retry_max_retries)
      continue;
    if ((feeds == Feeds::retry_duration) == exponential) {
      warnings.push_back({value.name, fmt::format("has no effect with the {} policy",
                                                  exponential ? "exponential" : "constant")});
    }
  }
}

}  // namespace

std::optional<RetryPolicy> fed_retry(const FedValues& given, bool has_switch,
                                     std::vector<FieldRemark>& faults, std::vector<FieldRemark>& warnings) {
  const Reader reader(given, faults);
  const FedValue* const enabled = reader.find(Feeds::retry_enabled);
  if (has_switch && (enabled == nullptr || enabled->value != "true")) {
    for (const auto& [feeds, value] : given) {
      if (feeds != Feeds::retry_enabled)
        warnings.push_back(
            {value.name,
             "has no effect, because the field that turns this retry on is not true: failed events "
             "are repeated in the host's own way"});
    }
    return std::nullopt;
  }
  if (given.empty()) return std::nullopt;

  RetryPolicy retry;
  const FedValue* const policy = reader.find(Feeds::retry_policy);
  const bool exponential = policy != nullptr && iequals(trim(policy->value), "exponential");
  if (policy != nullptr && !exponential && !iequals(trim(policy->value), "constant")) {
    faults.push_back(
        {policy->name, fmt::format("expected constant or exponential, found '{}'", policy->value)});
  }
  retry.max_attempts = reader.attempts();
  if (exponential) {
    read_exponential(reader, retry);
  } else {
    retry.wait = Backoff::constant(reader.duration(Feeds::retry_duration, kDuration));
  }
  warn_without_effect(given, exponential, warnings);
  return retry;
}

}  // namespace cleat
