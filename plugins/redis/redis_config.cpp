#include "redis_config.hpp"

#include <algorithm>
#include <charconv>

#include "common/text.hpp"

namespace cleat::redis {
namespace {

constexpr std::uint16_t kDefaultPort = 6379;

[[noreturn]] void refuse(const std::string& text, cleat_status status = CLEAT_INVALID) {
  throw Error(status, text);
}

std::uint16_t port_of(std::string_view text, const std::string& where) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) {
    refuse("redisHost: expected host:port with a port from 1 to 65535, found '" + where + "'");
  }
  return port;
}

void parse_hosts(const Config& config, RedisConfig& out) {
  const auto port = config.integer<std::int64_t>("redisPort");
  if (port < 0 || port > 65535)
    refuse("redisPort: expected 1 to 65535, found '" + std::to_string(port) + "'");
  const std::string text = config.text("redisHost");
  for (const std::string_view each : common::split_list(text))
    out.hosts.push_back(parse_endpoint(each, static_cast<std::uint16_t>(port)));
  if (out.hosts.empty()) refuse("redisHost: expected host or host:port, found nothing");
}

void parse_kind(const Config& config, RedisConfig& out) {
  const bool failover = config.boolean("failover");
  if (config.text("redisType") == "cluster") out.kind = RedisConfig::Kind::cluster;
  if (failover) {
    if (out.kind == RedisConfig::Kind::cluster) {
      out.warnings.emplace_back(
          "redisType: 'cluster' does nothing beside failover: the master that the sentinels name is used");
    }
    out.kind = RedisConfig::Kind::sentinel;
    out.master = config.text("sentinelMasterName");
    if (out.master.empty()) {
      refuse(
          "sentinelMasterName: expected the name that the sentinels give the master, found nothing; failover "
          "needs it");
    }
  }
  if (out.kind == RedisConfig::Kind::node && out.hosts.size() > 1) {
    refuse("redisHost: expected one server, found " + std::to_string(out.hosts.size()) +
           "; several are for redisType 'cluster' or for failover");
  }
  if (out.kind == RedisConfig::Kind::cluster && out.database != 0) {
    out.warnings.emplace_back("redisDB: a cluster has database 0 only; the value is not used");
  }
}

void parse_tls(const Config& config, RedisConfig& out) {
  out.tls = config.boolean("enableTLS");
  out.skip_verify = config.boolean("insecureSkipTLSVerify");
  out.pem = {config.text("caCert"), config.text("clientCert"), config.text("clientKey")};
  const bool has_text = !out.pem.ca.empty() || !out.pem.cert.empty() || !out.pem.key.empty();
  if (has_text && !out.tls) {
    refuse(
        "enableTLS: is false while caCert, clientCert or clientKey is set; set it to true, or leave those "
        "out");
  }
}

void refuse_what_is_not_served(const Config& config) {
  for (const std::string_view field : {"useEntraID", "useOIDC"}) {
    if (config.boolean(field)) {
      refuse(std::string(field) + ": is not served yet; log in with redisUsername and redisPassword",
             CLEAT_UNSUPPORTED);
    }
  }
}

void parse_stream(const Config& config, RedisConfig& out) {
  out.stream = config.text("stream");
  if (out.stream.empty()) {
    refuse("stream: expected the key of a stream to read, found nothing; or set direction to output");
  }
  out.group = config.text("consumerGroup");
  if (out.group.empty()) out.group = config.fact("app-id");
  out.consumer = config.text("consumerID");
  if (out.consumer.empty()) out.consumer = config.fact("host-id");
  if (out.group.empty() || out.consumer.empty()) {
    refuse("consumerGroup, consumerID: expected both, and the host gave no name to stand in");
  }
  out.data_field = config.text("dataField");
  out.from_the_beginning = config.text("initialPosition") != "newest";
  out.min_idle = std::chrono::duration_cast<std::chrono::milliseconds>(config.duration("minIdle"));
  if (out.min_idle < std::chrono::seconds(1)) {
    refuse("minIdle: expected 1s or more, found " + std::to_string(out.min_idle.count()) + "ms");
  }
}

}  // namespace

Endpoint parse_endpoint(std::string_view text, std::uint16_t port_field) {
  const std::string all(text);
  Endpoint found;
  std::string_view port;
  bool has_port = false;
  if (!text.empty() && text[0] == '[') {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos)
      refuse("redisHost: expected ']' after an IPv6 address, found '" + all + "'");
    found.host = text.substr(1, end - 1);
    has_port = end + 1 < text.size();
    if (has_port && text[end + 1] != ':') refuse("redisHost: expected ':' after ']', found '" + all + "'");
    if (has_port) port = text.substr(end + 2);
  } else {
    // More than one colon without brackets is an IPv6 address without a port.
    const std::size_t colon = text.find(':');
    has_port = colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
    found.host = has_port ? text.substr(0, colon) : text;
    if (has_port) port = text.substr(colon + 1);
  }
  if (found.host.empty()) refuse("redisHost: expected a host in front of the port, found '" + all + "'");
  found.port = has_port ? port_of(port, all) : port_field != 0 ? port_field : kDefaultPort;
  if (has_port && port_field != 0 && port_field != found.port) {
    refuse("redis host \"" + all + "\" already contains port " + std::to_string(found.port) +
           ", but redisPort is set to " + std::to_string(port_field) + "; give the port in one of them");
  }
  return found;
}

RedisConfig parse_config(const Config& config, std::uint32_t directions) {
  RedisConfig out;
  refuse_what_is_not_served(config);
  parse_hosts(config, out);
  out.login = {config.text("redisUsername"), config.text("redisPassword")};
  out.sentinel_login = {config.text("sentinelUsername"), config.text("sentinelPassword")};
  if (!out.login.username.empty() && out.login.password.empty()) {
    refuse("redisPassword: expected the password of redisUsername, found nothing");
  }
  out.database = config.integer("redisDB");
  if (out.database < 0) refuse("redisDB: expected 0 or more, found '" + std::to_string(out.database) + "'");
  parse_kind(config, out);
  parse_tls(config, out);
  // As in the client that Dapr uses: below zero there is no limit.
  if (const auto dial = config.duration("dialTimeout", out.connect_within); dial > dial.zero())
    out.connect_within = dial;
  const auto read = config.duration("readTimeout", out.answer_within);
  out.answer_within = std::max(read, read.zero());
  if ((directions & CLEAT_IN) != 0) parse_stream(config, out);
  return out;
}

}  // namespace cleat::redis
