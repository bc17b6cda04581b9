#include "kafka_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>
#include <system_error>

#include "security_config.hpp"

namespace cleat::kafka {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

[[noreturn]] void refuse(const std::string& text, cleat_status status = CLEAT_INVALID) {
  throw Error(status, "kafka error: " + text);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// The parts between commas, trimmed (Dapr does not trim), without empty ones.
std::vector<std::string> list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view part = trim(text.substr(0, comma));
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

void read_brokers(const Config& config, KafkaConfig& out) {
  bool had_scheme = false;
  for (std::string& broker : list(config.text("brokers"))) {
    const std::size_t scheme = broker.find("://");
    if (scheme != std::string::npos) {
      had_scheme = true;
      broker.erase(0, scheme + 3);
    }
    broker.erase(std::min(broker.find('/'), broker.size()));
    if (broker.empty() || broker.find_first_of(" \t") != std::string::npos)
      refuse("invalid 'brokers': expected host:port, several of them separated by commas, found '" +
             config.text("brokers") + "'");
    out.brokers.push_back(std::move(broker));
  }
  if (out.brokers.empty()) refuse("missing 'brokers' attribute");
  if (had_scheme)
    out.warnings.emplace_back(
        "brokers: a Kafka broker is named by host:port alone, so the scheme is left out");
}

template <std::size_t N>
std::string one_of(const Config& config, std::string_view name, std::string_view fallback,
                   const std::array<std::string_view, N>& values) {
  const std::string given = config.text(name, fallback);
  if (given.empty()) return std::string(fallback);
  if (std::find(values.begin(), values.end(), given) == values.end()) return {};
  return given;
}

void read_input(const Config& config, KafkaConfig& out) {
  for (std::string& topic : list(config.text("topics"))) {  // the group refuses a topic that is named twice
    if (topic.front() == '^')
      refuse("topics: expected names of topics, found '" + topic + "': patterns are not offered");
    if (std::find(out.topics.begin(), out.topics.end(), topic) == out.topics.end())
      out.topics.push_back(std::move(topic));
  }
  const std::string initial = config.text("initialOffset");
  if (initial == "oldest")
    out.initial_offset = KafkaConfig::Start::oldest;
  else if (!initial.empty() && initial != "newest")
    refuse("invalid initialOffset: " + initial);
  const std::string lost = config.text("onOffsetLost");
  if (lost == "oldest")
    out.on_offset_lost = KafkaConfig::OffsetLost::oldest;
  else if (lost == "newest")
    out.on_offset_lost = KafkaConfig::OffsetLost::newest;
  else if (!lost.empty() && lost != "stop")
    refuse("invalid onOffsetLost: expected stop, oldest or newest, found '" + lost + "'");
}

void read_group(const Config& config, KafkaConfig& out) {
  out.group = config.text("consumerGroup");
  if (out.group.empty()) out.group = config.text("consumerID");
  const bool reads = (config.raw().directions & CLEAT_IN) != 0 && !out.topics.empty();
  if (!reads || !out.group.empty()) return;
  out.group = config.fact("app-id");
  if (out.group.empty())
    refuse(
        "missing 'consumerGroup' attribute: 'topics' are read as a member of a consumer group, so name one");
  out.warnings.push_back("consumerGroup is not set: the group is named after the application's id, '" +
                         out.group + "'");
}

void read_assignment(const Config& config, KafkaConfig& out) {
  const std::string given = config.text("consumerGroupRebalanceStrategy");
  if (given.empty() || given == "range") return;
  if (given == "roundrobin" || given == "cooperative-sticky") {
    out.assignment = given;
  } else if (given == "sticky") {
    out.warnings.emplace_back(
        "consumerGroupRebalanceStrategy: 'sticky' is not offered by librdkafka, so 'range' is used; all "
        "members of a "
        "group need a strategy in common ('cooperative-sticky' is offered as well)");
  } else {
    out.warnings.push_back("consumerGroupRebalanceStrategy: '" + given +
                           "' is none of range, roundrobin and cooperative-sticky, so range is used");
  }
}

/// A duration above zero, or the fallback, in whole milliseconds.
milliseconds positive(const Config& config, std::string_view name, milliseconds fallback, milliseconds most) {
  const nanoseconds given = config.duration(name, fallback);
  if (given <= nanoseconds(0)) return fallback;
  return std::clamp(std::chrono::ceil<milliseconds>(given), milliseconds(1), most);
}

std::int64_t within(const Config& config, std::string_view name, std::int64_t fallback, std::int64_t least,
                    std::int64_t most) {
  const std::int64_t given = config.integer<std::int64_t>(name, fallback);
  if (given < least || given > most)
    refuse("invalid value for '" + std::string(name) + "': expected a number from " + std::to_string(least) +
           " to " + std::to_string(most) + ", found " + std::to_string(given));
  return given;
}

void read_consumer(const Config& config, KafkaConfig& out) {
  out.session_timeout = positive(config, "sessionTimeout", out.session_timeout, milliseconds(3'600'000));
  out.heartbeat = positive(config, "heartbeatInterval", out.heartbeat, milliseconds(3'600'000));
  if (out.heartbeat >= out.session_timeout)
    refuse("heartbeatInterval must be shorter than sessionTimeout, found " +
           std::to_string(out.heartbeat.count()) + " ms and " + std::to_string(out.session_timeout.count()) +
           " ms");
  out.fetch_min = within(config, "consumerFetchMin", out.fetch_min, 1, 100'000'000);
  out.fetch_bytes = within(config, "consumerFetchDefault", out.fetch_bytes, 1, 1'000'000'000);
  out.prefetch = within(config, "channelBufferSize", out.prefetch, 1, 1'000'000);
  out.max_uncommitted = static_cast<std::uint64_t>(within(config, "maxUncommitted", 10'000, 1, 100'000'000));
  out.exclude_headers = config.text("excludeHeaderMetaRegex");
  out.escape_headers = config.boolean("escapeHeaders", false);
}

void read_producer(const Config& config, KafkaConfig& out) {
  constexpr std::array<std::string_view, 5> kCodecs{"none", "gzip", "snappy", "lz4", "zstd"};
  constexpr std::array<std::string_view, 3> kAcks{"all", "local", "none"};
  out.compression = one_of(config, "compression", "none", kCodecs);
  if (out.compression.empty()) refuse("invalid compression: " + config.text("compression"));
  out.acks = one_of(config, "producerRequiredAcks", "all", kAcks);
  if (out.acks.empty())
    refuse("invalid value for 'producerRequiredAcks': \"" + config.text("producerRequiredAcks") +
           "\" (must be \"all\", \"local\", or \"none\")");
  out.retries = config.integer<std::int64_t>("producerRetryMax", out.retries);
  if (out.retries < 0)
    refuse("invalid value for 'producerRetryMax': " + std::to_string(out.retries) + " (must be >= 0)");
  out.retries = std::min<std::int64_t>(out.retries, std::numeric_limits<std::int32_t>::max());
  out.max_in_flight = within(config, "maxInFlightRequests", out.max_in_flight, 1, 1'000'000);
  out.max_message_bytes = config.integer<std::int64_t>("maxMessageBytes", 0);
  if (out.max_message_bytes <= 0) out.max_message_bytes = 1'048'576;
  out.max_message_bytes = std::clamp<std::int64_t>(out.max_message_bytes, 1'000, 1'000'000'000);
  out.linger = config.duration("linger", nanoseconds(0));
  if (out.linger < nanoseconds(0) || out.linger > std::chrono::minutes(15))
    refuse("invalid value for 'linger': expected a duration from 0 to 15m");
}

void read_call_time(const Config& config, KafkaConfig& out) {
  const std::string_view given = config.fact("invoke-timeout-ns");
  std::int64_t ns = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), ns);
  if (error != std::errc() || end != given.data() + given.size() || ns <= 0) return;
  out.call_time = std::clamp(std::chrono::ceil<milliseconds>(nanoseconds(ns)), milliseconds(1),
                             milliseconds(std::numeric_limits<std::int32_t>::max()));
}

/// Only the shape: librdkafka asks each broker what it speaks.
void check_version(const Config& config) {
  const std::string text = config.text("version");
  if (text.empty()) return;
  const bool digits_and_dots = text.find_first_not_of("0123456789.") == std::string::npos;
  const auto dots = std::count(text.begin(), text.end(), '.');
  if (!digits_and_dots || dots < 2 || dots > 3 || text.front() == '.' || text.back() == '.' ||
      text.find("..") != std::string::npos)
    refuse("invalid kafka version: expected one like 2.0.0, found '" + text + "'");
}

void read_connection(const Config& config, KafkaConfig& out) {
  out.dial_timeout = positive(config, "dialTimeout", out.dial_timeout, milliseconds(2'147'483'647));
  const milliseconds most(300'000);
  out.socket_timeout = std::max(positive(config, "readTimeout", out.socket_timeout, most),
                                positive(config, "writeTimeout", milliseconds(10), most));
  out.socket_timeout = std::max(out.socket_timeout, milliseconds(10));
  out.metadata_refresh = positive(config, "clientConnectionTopicMetadataRefreshInterval",
                                  out.metadata_refresh, milliseconds(3'600'000));
  out.metadata_max_age = std::max(3 * out.metadata_refresh, milliseconds(900'000));
}

void refuse_registry(const Config& config) {
  if (!config.text("schemaRegistryURL").empty())
    refuse(
        "schemaRegistryURL: Avro and the schema registry are not served yet; leave this field out to send "
        "and "
        "receive the records' bytes as they are",
        CLEAT_UNSUPPORTED);
}

}  // namespace

KafkaConfig read_config(const Config& config, int client_version) {
  KafkaConfig out;
  read_brokers(config, out);
  read_input(config, out);
  read_group(config, out);
  out.security = read_security(config, client_version, out.warnings);
  out.publish_topic = trim(config.text("publishTopic"));
  out.client_id = config.text("clientID", "cleat");
  if (out.client_id.empty()) out.client_id = "cleat";
  out.strict_dapr = config.fact("strict-dapr") == "true";
  read_assignment(config, out);
  read_consumer(config, out);
  read_producer(config, out);
  read_call_time(config, out);
  read_connection(config, out);
  check_version(config);
  refuse_registry(config);
  return out;
}

}  // namespace cleat::kafka
