#include "queue_config.hpp"

#include <algorithm>

#include "common/tls.hpp"

namespace cleat::storagequeues {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kWeek{7 * 24 * 3600};

/// The service's own rule: its answer to a name beyond it is one that nobody understands.
bool is_queue_name(const std::string& name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return name.size() >= 3 && name.size() <= 63 && is_letter(name.front()) && is_letter(name.back()) &&
         name.find("--") == std::string::npos &&
         std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || c == '-'; });
}

}  // namespace

std::chrono::seconds whole_seconds(std::chrono::nanoseconds wanted) {
  return std::chrono::ceil<std::chrono::seconds>(wanted);
}

QueueConfig parse_config(const Config& config) {
  QueueConfig out;
  out.account = azure::account_of(config, azure::Service::queue);
  out.queue = config.text("queueName");
  if (!is_queue_name(out.queue)) {
    throw Error(
        CLEAT_INVALID,
        "queueName: expected 3 to 63 small letters, digits and single hyphens, found '" + out.queue + "'");
  }
  out.ca = config.text("caCert");
  common::check_pem({out.ca, {}, {}}, false);
  out.encode_base64 = config.boolean("encodeBase64");
  out.decode_base64 = config.boolean("decodeBase64");
  out.strict_dapr = config.fact("strict-dapr") == "true";
  if (config.get("ttl")) {
    out.ttl = whole_seconds(config.duration("ttl"));
    if (out.ttl->count() < 1)
      throw Error(CLEAT_INVALID, "ttl: expected more than 0; without it a message is kept for ever");
  } else if (out.strict_dapr) {
    out.ttl = 600s;
  }
  out.initial_delay = whole_seconds(config.duration("initialVisibilityDelay"));
  if (out.initial_delay < 0s || out.initial_delay > kWeek)
    throw Error(CLEAT_INVALID, "initialVisibilityDelay: expected 0 to 7 days, found another time");
  out.polling_interval =
      std::chrono::duration_cast<std::chrono::milliseconds>(config.duration("pollingInterval", 10s));
  if (out.polling_interval < 100ms)
    throw Error(CLEAT_INVALID, "invalid value for 'pollingInterval': must be greater than 100ms");
  out.visibility = whole_seconds(config.duration("visibilityTimeout", 30s));
  if (out.visibility < 2s || out.visibility > kWeek)
    throw Error(CLEAT_INVALID, "visibilityTimeout: expected 2 seconds to 7 days, found another time");
  return out;
}

}  // namespace cleat::storagequeues
