#include "publication.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "common/base64.hpp"
#include "common/text.hpp"
#include "common/ttl.hpp"
#include "session.hpp"
#include "topic.hpp"
#include "wire.hpp"

namespace cleat::mqtt {
namespace {

constexpr std::size_t kMostText = 65'535;

[[noreturn]] void refuse(std::string_view name, const std::string& what) {
  throw Error(CLEAT_INVALID, std::string(name) + ": " + what);
}

std::string text_of(std::string_view name, std::string_view value) {
  if (value.size() > kMostText || !is_mqtt_text(value))
    refuse(name, "expected UTF-8 without U+0000 of at most 65535 bytes, which is what MQTT carries");
  return std::string(value);
}

bool boolean_of(std::string_view name, std::string_view value) {
  constexpr std::array<std::string_view, 3> kTrue{"true", "t", "1"}, kFalse{"false", "f", "0"};
  const std::string lower = common::lower(value);
  if (std::find(kTrue.begin(), kTrue.end(), lower) != kTrue.end()) return true;
  if (std::find(kFalse.begin(), kFalse.end(), lower) != kFalse.end()) return false;
  refuse(name, "expected true or false, found '" + std::string(value.substr(0, 100)) + "'");
}

unsigned qos_of(std::string_view value) {
  if (value == "0") return 0;
  if (value == "1") return 1;
  refuse("qos", "expected 0 or 1, found '" + std::string(value.substr(0, 100)) + "'");
}

std::string topic_of(const Request& request, const MqttConfig& config) {
  const std::string_view given = request.metadata("topic").value_or("");
  const std::string_view topic = given.empty() ? std::string_view(config.topic) : given;
  if (const std::string fault = topic_fault(topic); !fault.empty()) {
    const char* more = given.empty() ? " in the component; name the topic in the request's metadata" : "";
    refuse("topic", fault + ", found '" + std::string(topic.substr(0, 200)) + "'" + more);
  }
  return std::string(topic);
}

/// What has a place of its own in the packet, or is about the call only.
bool is_own(std::string_view name) {
  constexpr std::array<std::string_view, 9> kOwn{"topic",
                                                 "qos",
                                                 "retain",
                                                 "contentType",
                                                 "responseTopic",
                                                 "correlationData",
                                                 "correlationDataBase64",
                                                 "ttl",
                                                 "ttlInSeconds"};
  return std::any_of(kOwn.begin(), kOwn.end(),
                     [&](std::string_view own) { return common::equal_ignoring_case(own, name); });
}

void read_properties(const Request& request, Publication& out) {
  out.content_type = text_of("contentType", request.metadata("contentType").value_or(""));
  out.response_topic = text_of("responseTopic", request.metadata("responseTopic").value_or(""));
  if (!out.response_topic.empty()) {
    if (const std::string fault = topic_fault(out.response_topic); !fault.empty())
      refuse("responseTopic", fault);
  }
  if (const auto coded = request.metadata("correlationDataBase64")) {
    std::optional<std::string> bytes = common::from_base64(*coded);
    if (!bytes) refuse("correlationDataBase64", "expected base64, found something else");
    out.correlation_data = *std::move(bytes);
  } else {
    out.correlation_data = request.metadata("correlationData").value_or("");
  }
  if (out.correlation_data.size() > kMostText) refuse("correlationData", "expected at most 65535 bytes");
  if (const auto ttl = common::ttl_of(request)) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*ttl).count();
    out.expiry_s = static_cast<std::uint32_t>(std::min<std::int64_t>(seconds, UINT32_MAX));
  }
  const cleat_map& metadata = request.raw().metadata;
  for (std::size_t i = 0; i < metadata.count; ++i) {
    const std::string_view name = view(metadata.items[i].key);
    if (name.empty() || is_own(name)) continue;
    out.user.emplace_back(text_of("the name of a metadata entry", name),
                          text_of(name, view(metadata.items[i].value)));
  }
}

}  // namespace

Publication read_publication(const Request& request, const MqttConfig& config) {
  Publication out;
  out.topic = topic_of(request, config);
  out.payload = request.data();
  out.qos = config.qos;
  if (const auto qos = request.metadata("qos"); qos && !qos->empty()) out.qos = qos_of(*qos);
  out.retain = config.retain;
  if (const auto retain = request.metadata("retain"); retain && !retain->empty())
    out.retain = boolean_of("retain", *retain);
  if (config.version == Version::v5) read_properties(request, out);
  return out;
}

std::optional<Refusal> refusal_of(std::uint8_t code, const std::string& topic) {
  if (code < 0x80) return std::nullopt;
  Refusal out;
  out.native_code = code;
  out.text = "the broker refuses what is published to '" + topic + "': " + std::string(reason_text(code));
  switch (code) {
    case 0x87:
      out.status = CLEAT_DENIED;
      break;
    case 0x90:
    case 0x99:
      out.status = CLEAT_INVALID;
      break;
    case 0x96:
    case 0x97:
      out.status = CLEAT_THROTTLED;
      out.flags = CLEAT_RETRYABLE;
      break;
    default:
      break;
  }
  return out;
}

}  // namespace cleat::mqtt
