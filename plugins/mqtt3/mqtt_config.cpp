#include "mqtt_config.hpp"

#include <algorithm>
#include <string>

#include "topic.hpp"
#include "wire.hpp"

namespace cleat::mqtt {
namespace {

using std::chrono::seconds;

[[noreturn]] void refuse(const std::string& text) {
  throw Error(CLEAT_INVALID, text);
}

std::int64_t within(std::string_view name, std::int64_t given, std::int64_t least, std::int64_t most) {
  if (given < least || given > most)
    refuse(std::string(name) + ": expected a number from " + std::to_string(least) + " to " +
           std::to_string(most) + ", found " + std::to_string(given));
  return given;
}

/// Whole seconds, the fraction counting as one more.
std::int64_t whole_seconds(const Config& config, std::string_view name, seconds fallback) {
  return std::chrono::ceil<seconds>(config.duration(name, fallback)).count();
}

void read_place(const Config& config, MqttConfig& out) {
  const std::string url = config.text("url");
  if (url.empty()) refuse("missing url: expected one like tcp://broker:1883");
  out.server = read_server(url);
  if (const std::string user = config.text("username"); !user.empty()) out.server.user = user;
  if (const std::string password = config.text("password"); !password.empty()) out.server.password = password;
  // MQTT 3.1.1 has no password without a user, and what the one means without the other a broker cannot say either.
  if (out.server.password && !out.server.user) refuse("username: expected one with password, found none");
  for (const auto* login : {&out.server.user, &out.server.password}) {
    if (*login && ((*login)->size() > UINT16_MAX || !is_plain_text(**login)))
      refuse("username and password: expected UTF-8 without control characters, at most 65535 bytes each");
  }
}

void read_topic(const Config& config, MqttConfig& out) {
  out.topic = config.text("topic");
  if (out.topic.empty()) refuse("missing topic: expected one like orders, with + and # for an input");
  if (const std::string fault = filter_fault(out.topic); !fault.empty())
    refuse("topic: " + fault + ", found '" + out.topic.substr(0, 200) + "'");
  out.consumer_id = config.text("consumerID");
  if (out.consumer_id.empty())
    refuse(
        "missing consumerID: expected a name that no other client of this broker has, because the broker "
        "keeps the session under it");
  constexpr std::size_t kMost = 65'000;
  if (out.consumer_id.size() > kMost || !is_plain_text(out.consumer_id))
    refuse("consumerID: expected UTF-8 without control characters, at most 65000 bytes");
}

void read_qos(const Config& config, MqttConfig& out) {
  const std::string given = config.text("qos", "1");
  if (given == "1" || given.empty()) return;
  if (config.fact("strict-dapr") == "true") {
    out.warnings.push_back("qos: '" + given + "' is not looked at with --strict-dapr, MQTT QoS 1 is used");
  } else if (given == "0") {
    out.qos = 0;
    if ((config.raw().directions & CLEAT_IN) != 0)
      out.warnings.emplace_back(
          "qos: with MQTT QoS 0 the broker sends a message once and forgets it: what is lost on the way or "
          "not done when this "
          "host ends does not come again");
  } else if (given == "2") {
    out.warnings.emplace_back(
        "qos: MQTT QoS 2 is not offered, 1 is used: a message may come twice, and is not lost");
  } else {
    refuse("qos: expected 0 or 1, found '" + given + "'");
  }
}

void read_session(const Config& config, MqttConfig& out) {
  const std::string version = config.text("protocolVersion", "3.1.1");
  if (version == "5")
    out.version = Version::v5;
  else if (version != "3.1.1")
    refuse("protocolVersion: expected 3.1.1 or 5, found '" + version + "'");
  out.clean_session = config.boolean("cleanSession", false);
  const std::int64_t expiry = whole_seconds(config, "sessionExpiry", seconds(out.session_expiry_s));
  if (expiry < 1)
    refuse("sessionExpiry: expected at least 1s; for a session that is not kept set cleanSession to true");
  out.session_expiry_s = static_cast<std::uint32_t>(std::min<std::int64_t>(expiry, UINT32_MAX));
  out.keep_alive =
      seconds(within("keepAlive", whole_seconds(config, "keepAlive", out.keep_alive), 1, 65'535));
  out.receive_maximum =
      static_cast<std::uint16_t>(within("receiveMaximum", config.integer("receiveMaximum", 0), 0, 65'535));
  const auto most = within("maxPacketSize", config.integer<std::int64_t>("maxPacketSize", 64 * 1024 * 1024),
                           1024, kMostVariable + 1);
  out.max_packet = static_cast<std::size_t>(std::min<std::int64_t>(most, kMostVariable));
  const bool reads = (config.raw().directions & CLEAT_IN) != 0;
  if (reads && out.clean_session)
    out.warnings.emplace_back(
        "cleanSession: the broker keeps nothing for this input while it is not connected: what is published "
        "meanwhile is lost");
}

void read_security(const Config& config, MqttConfig& out) {
  out.tls = {config.text("caCert"), config.text("clientCert"), config.text("clientKey")};
  out.skip_verify = config.boolean("skipVerify", false);
  const bool is_given = !out.tls.ca.empty() || !out.tls.cert.empty() || !out.tls.key.empty();
  if (is_given && !out.server.tls)
    refuse(
        "caCert, clientCert and clientKey: expected a url with the scheme ssl, tls, mqtts or tcps, found one "
        "without TLS");
}

}  // namespace

MqttConfig read_config(const Config& config) {
  MqttConfig out;
  read_place(config, out);
  read_topic(config, out);
  read_qos(config, out);
  read_session(config, out);
  read_security(config, out);
  out.retain = config.boolean("retain", false);
  return out;
}

}  // namespace cleat::mqtt
