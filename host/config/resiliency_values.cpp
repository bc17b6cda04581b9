#include "config/resiliency_values.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "base/text.hpp"
#include "config/document_head.hpp"
#include "config/value_text.hpp"

namespace cleat {
namespace {

constexpr std::array<std::string_view, 5> kRetryKeys{"policy", "duration", "maxInterval", "maxRetries",
                                                     "matching"};
constexpr std::array<std::string_view, 2> kMatchingKeys{"httpStatusCodes", "gRPCStatusCodes"};
constexpr std::array<std::string_view, 4> kBreakerKeys{"maxRequests", "interval", "timeout", "trip"};
// One less than fits: the first attempt is no retry.
constexpr std::int64_t kMostRetries = std::numeric_limits<std::uint32_t>::max() - 1;

/// daprd's exponential policy: these three cannot be configured.
constexpr std::uint64_t kFirstWait = 500 * kMillisecond;
constexpr double kFactor = 1.5;
constexpr double kJitter = 0.5;
constexpr std::uint64_t kConstantWait = 5 * kSecond;
constexpr std::uint64_t kMaxInterval = 60 * kSecond;
constexpr std::uint64_t kOpenFor = 60 * kSecond;

/// One mapping and what it is called in messages.
class ValueReader {
 public:
  ValueReader(const YamlNode& map, std::string what, const ResiliencyPlace& place)
      : map_(map), what_(std::move(what)), place_(place) {}

  Result<> open(std::span<const std::string_view> keys) const {
    const bool is_empty = !is_given(&map_);
    if (!is_empty && !map_.is(YamlNode::Kind::map))
      return place_.fault(map_.line, fmt::format("{}: expected a mapping, found {}", what_, shown(map_)));
    return check_keys(map_, keys, what_, place_);
  }

  [[nodiscard]] Error fault(const YamlNode& node, std::string_view key, std::string_view text) const {
    return place_.fault(node.line, fmt::format("{}: {}: {}", what_, key, text));
  }

  [[nodiscard]] const YamlNode* given(std::string_view key) const {
    const YamlNode* node = map_.find(key);
    return is_given(node) ? node : nullptr;
  }

  Result<std::uint64_t> duration(std::string_view key, std::uint64_t normal) const {
    const YamlNode* node = given(key);
    if (node == nullptr) return normal;
    const auto read = parse_duration(plain_text(*node), kMillisecond);
    if (read && *read >= 0) return static_cast<std::uint64_t>(*read);
    return fault(
        *node, key,
        fmt::format("expected a duration of zero or more such as 250ms or 1m30s, or a whole number of "
                    "milliseconds, found {}",
                    shown(*node)));
  }

  Result<std::int64_t> whole(std::string_view key, std::int64_t normal, std::int64_t least,
                             std::string_view expected) const {
    const YamlNode* node = given(key);
    if (node == nullptr) return normal;
    const auto read = parse_integer(trim(plain_text(*node)));
    if (read && *read >= least && *read <= kMostRetries) return *read;
    return fault(*node, key, fmt::format("expected {}, found {}", expected, shown(*node)));
  }

  Result<std::optional<CodeSet>> codes(std::string_view key, unsigned least, unsigned most) const {
    const YamlNode* node = given(key);
    if (node == nullptr) return std::optional<CodeSet>();
    if (!node->is(YamlNode::Kind::scalar))
      return fault(*node, key, fmt::format("expected codes such as '429,500-599', found {}", shown(*node)));
    auto read = CodeSet::parse(plain_text(*node), least, most);
    if (!read) return fault(*node, key, read.error().text);
    // As in daprd, a list without codes is none.
    if (read->empty()) return std::optional<CodeSet>();
    return std::optional<CodeSet>(std::move(*read));
  }

 private:
  const YamlNode& map_;
  std::string what_;
  const ResiliencyPlace& place_;
};

/// Whether the waits grow.
Result<bool> is_exponential(const ValueReader& reader) {
  const YamlNode* node = reader.given("policy");
  if (node == nullptr) return false;
  const std::string word = to_lower(trim(plain_text(*node)));
  if (word == "constant") return false;
  if (word == "exponential") return true;
  return reader.fault(*node, "policy",
                      fmt::format("expected constant or exponential, found {}", shown(*node)));
}

Result<> read_waits(const ValueReader& reader, RetryPolicy& retry) {
  const auto exponential = is_exponential(reader);
  if (!exponential) return exponential.error();
  const auto constant_wait = reader.duration("duration", kConstantWait);
  if (!constant_wait) return constant_wait.error();
  const auto max_interval = reader.duration("maxInterval", kMaxInterval);
  if (!max_interval) return max_interval.error();
  retry.wait = *exponential ? Backoff{kFirstWait, *max_interval, kFactor, 1 - kJitter, 1 + kJitter}
                            : Backoff::constant(*constant_wait);
  return {};
}

Result<> read_matching(const YamlNode& retry_node, const std::string& what, const ResiliencyPlace& place,
                       RetryPolicy& retry) {
  const std::string name = what + ": matching";
  const auto matching = mapping_at(retry_node, "matching", name, place);
  if (!matching) return matching.error();
  if (*matching == nullptr) return {};
  const ValueReader reader(**matching, name, place);
  if (const auto opened = reader.open(kMatchingKeys); !opened) return opened.error();
  auto http = reader.codes("httpStatusCodes", 100, 599);
  if (!http) return http.error();
  auto grpc = reader.codes("gRPCStatusCodes", 0, 16);
  if (!grpc) return grpc.error();
  retry.http_codes = std::move(*http);
  retry.grpc_codes = std::move(*grpc);
  return {};
}

Result<Trip> read_trip(const ValueReader& reader) {
  const YamlNode* node = reader.given("trip");
  if (node == nullptr) return Trip();
  if (!node->is(YamlNode::Kind::scalar)) {
    return reader.fault(
        *node, "trip",
        fmt::format("expected a comparison such as 'consecutiveFailures > 5', found {}", shown(*node)));
  }
  auto trip = Trip::parse(plain_text(*node));
  if (!trip) return reader.fault(*node, "trip", trip.error().text);
  return trip;
}

}  // namespace

Result<std::uint64_t> read_timeout(const std::string& name, const YamlNode& node,
                                   const ResiliencyPlace& place) {
  const auto read = parse_duration(plain_text(node), kMillisecond);
  if (read && *read >= 0) return static_cast<std::uint64_t>(*read);
  return place.fault(
      node.line, fmt::format("timeout '{}': expected a duration of zero or more such as 250ms or 1m30s, or "
                             "a whole number of milliseconds, found {}",
                             name, shown(node)));
}

Result<RetryPolicy> read_retry(const std::string& name, const YamlNode& node, const ResiliencyPlace& place) {
  const std::string what = fmt::format("retry policy '{}'", name);
  const ValueReader reader(node, what, place);
  if (const auto opened = reader.open(kRetryKeys); !opened) return opened.error();
  RetryPolicy retry;
  retry.name = name;
  if (const auto read = read_waits(reader, retry); !read) return read.error();
  const auto retries = reader.whole("maxRetries", -1, -1, "-1 for no limit, or a whole number from 0");
  if (!retries) return retries.error();
  retry.max_attempts = static_cast<std::uint32_t>(*retries + 1);
  if (const auto read = read_matching(node, what, place, retry); !read) return read.error();
  return retry;
}

Result<BreakerSettings> read_breaker(const std::string& name, const YamlNode& node,
                                     const ResiliencyPlace& place) {
  const ValueReader reader(node, fmt::format("circuit breaker '{}'", name), place);
  if (const auto opened = reader.open(kBreakerKeys); !opened) return opened.error();
  BreakerSettings breaker;
  breaker.name = name;
  const auto requests = reader.whole("maxRequests", 1, 0, "a whole number from 0");
  if (!requests) return requests.error();
  breaker.max_requests = *requests == 0 ? 1 : static_cast<std::uint32_t>(*requests);
  const auto interval = reader.duration("interval", 0);
  if (!interval) return interval.error();
  breaker.interval_ns = *interval;
  const auto timeout = reader.duration("timeout", kOpenFor);
  if (!timeout) return timeout.error();
  breaker.timeout_ns = *timeout == 0 ? kOpenFor : *timeout;
  auto trip = read_trip(reader);
  if (!trip) return trip.error();
  breaker.trip = std::move(*trip);
  return breaker;
}

}  // namespace cleat
