#include "rabbit_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "common/text.hpp"

namespace cleat::rabbitmq {
namespace {

constexpr std::uint16_t kPort = 5672, kTlsPort = 5671;
constexpr std::size_t kLongestName = 255;  // AMQP's short string

[[noreturn]] void refuse(const std::string& text) {
  throw Error(CLEAT_INVALID, text);
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    std::uint32_t value = 0;
    const char* begin = text.data() + i + 1;
    const char* end = text.data() + std::min(i + 3, text.size());
    const auto [rest, error] = std::from_chars(begin, end, value, 16);
    if (error != std::errc() || rest != begin + 2)
      refuse("host: expected two hexadecimal digits behind each '%' of the URI");
    out.push_back(static_cast<char>(value));
    i += 2;
  }
  return out;
}

void parse_parameter(std::string_view name, std::string_view value, Address& out) {
  constexpr std::array<std::string_view, 7> kElsewhere{
      "cacertfile",    "certfile", "keyfile", "verify", "fail_if_no_peer_cert", "server_name_indication",
      "auth_mechanism"};
  if (std::find(kElsewhere.begin(), kElsewhere.end(), name) != kElsewhere.end()) {
    refuse("host: the URI's parameter '" + std::string(name) +
           "' is not for here; TLS and the login have the fields caCert, clientCert, clientKey, "
           "insecureSkipTLSVerify and externalSasl");
  }
  if (name != "heartbeat") return;
  std::uint16_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error != std::errc() || end != value.data() + value.size()) {
    refuse("host: expected seconds from 0 to 65535 as the URI's heartbeat, found '" + std::string(value) +
           "'");
  }
  out.heartbeat = std::chrono::seconds(seconds);
}

void parse_parameters(std::string_view query, Address& out) {
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(one.size() + 1, query.size()));
    const std::size_t equals = std::min(one.find('='), one.size());
    parse_parameter(one.substr(0, equals), one.substr(std::min(equals + 1, one.size())), out);
  }
}

/// A name that goes over the wire as a short string.
std::string short_name(const Config& config, std::string_view field) {
  std::string text = config.text(field);
  if (text.size() > kLongestName) {
    refuse(std::string(field) + ": expected at most 255 bytes, found " + std::to_string(text.size()));
  }
  return text;
}

std::optional<std::chrono::milliseconds> message_ttl(const Config& config) {
  if (!config.get("ttl") || config.get("ttl")->empty()) return std::nullopt;
  const auto ttl = std::chrono::duration_cast<std::chrono::milliseconds>(config.duration("ttl"));
  if (ttl.count() < 0) refuse("ttl: expected 0 or more, found " + std::to_string(ttl.count()) + "ms");
  return ttl;
}

QueueSettings parse_queue(const Config& config) {
  QueueSettings queue;
  queue.name = short_name(config, "queueName");
  if (queue.name.empty()) refuse("missing queue Name: queueName must not be empty");
  queue.declare = config.boolean("declare", true);
  queue.durable = config.boolean("durable");
  queue.auto_delete = config.boolean("deleteWhenUnused");
  queue.exclusive = config.boolean("exclusive");
  queue.quorum = config.text("queueType") == "quorum";
  queue.single_active_consumer = config.boolean("singleActiveConsumer");
  queue.message_ttl = message_ttl(config);
  if (const auto priority = config.get("maxPriority"); priority && !priority->empty()) {
    queue.max_priority =
        static_cast<std::uint8_t>(std::clamp<std::int64_t>(config.integer("maxPriority"), 0, 255));
  }
  if (config.get("deliveryLimit")) queue.delivery_limit = config.integer("deliveryLimit");
  queue.dead_letter_exchange = short_name(config, "deadLetterExchange");
  queue.dead_letter_routing_key = short_name(config, "deadLetterRoutingKey");
  if (queue.quorum && (queue.exclusive || queue.auto_delete)) {
    refuse(
        "queueType: a quorum queue can be neither exclusive nor deleteWhenUnused; take classic, or leave "
        "those out");
  }
  if (queue.quorum && queue.max_priority)
    refuse("maxPriority: quorum queues have no priorities of this kind; leave it out");
  // A quorum queue is durable, and the broker refuses to be told otherwise.
  queue.durable = queue.durable || queue.quorum;
  return queue;
}

void parse_exchange(const Config& config, RabbitConfig& out) {
  out.exchange = short_name(config, "exchange");
  out.exchange_kind = config.text("exchangeKind");
  if (out.exchange.empty() && !out.exchange_kind.empty()) {
    refuse("exchange: expected the name of the exchange that exchangeKind belongs to, found nothing");
  }
  const std::string keys = config.text("routingKey");
  for (const std::string_view key : common::split_list(keys))
    out.binding_keys.emplace_back(key);
  if (out.binding_keys.empty())
    out.binding_keys.emplace_back(out.exchange.empty() ? out.queue.name : std::string());
  out.content_type = short_name(config, "contentType");
  out.routing_key = out.binding_keys[0];
  if (out.exchange.empty()) out.routing_key = out.queue.name;
}

}  // namespace

std::string Address::text() const {
  return host + ":" + std::to_string(port) + " (vhost " + vhost + ")";
}

Address parse_address(std::string_view uri) {
  Address out;
  const std::size_t scheme_end = uri.find("://");
  const std::string scheme = common::lower(uri.substr(0, std::min(scheme_end, uri.size())));
  if (scheme_end == std::string_view::npos || (scheme != "amqp" && scheme != "amqps")) {
    // The text may hold a password, so it is not repeated.
    refuse(
        "host: expected a URI as amqp://user:password@host:5672/vhost or amqps://..., found another scheme "
        "or none");
  }
  out.tls = scheme == "amqps";
  out.port = out.tls ? kTlsPort : kPort;
  uri.remove_prefix(scheme_end + 3);
  const bool has_late_at = uri.find('@') != std::string_view::npos;
  if (const std::size_t query = uri.find('?'); query != std::string_view::npos) {
    parse_parameters(uri.substr(query + 1), out);
    uri = uri.substr(0, query);
  }
  if (const std::size_t slash = uri.find('/'); slash != std::string_view::npos) {
    if (slash + 1 < uri.size()) out.vhost = percent_decoded(uri.substr(slash + 1));
    uri = uri.substr(0, slash);
  }
  const std::size_t at = uri.rfind('@');
  if (at == std::string_view::npos && has_late_at) {
    // Otherwise a part of the password would be taken for a name, and told.
    refuse("host: expected '/', '?' and '@' as %2F, %3F and %40 in the user and the password of the URI");
  }
  if (at != std::string_view::npos) {
    const std::string_view login = uri.substr(0, at);
    const std::size_t colon = login.find(':');
    out.user = percent_decoded(login.substr(0, colon));
    out.password = colon == std::string_view::npos ? "" : percent_decoded(login.substr(colon + 1));
    uri.remove_prefix(at + 1);
  }
  const bool is_v6 = !uri.empty() && uri[0] == '[' && uri.find(']') != std::string_view::npos;
  const std::size_t host_end = is_v6 ? uri.find(']') + 1 : std::min(uri.find(':'), uri.size());
  out.host = is_v6 ? uri.substr(1, host_end - 2) : uri.substr(0, host_end);
  if (out.host.empty()) refuse("host: expected a host in the URI, found none");
  if (host_end < uri.size()) {
    const std::string_view port = uri.substr(host_end + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (uri[host_end] != ':' || error != std::errc() || end != port.data() + port.size() || out.port == 0) {
      refuse("host: expected a port from 1 to 65535 behind the host of the URI");
    }
  }
  return out;
}

RabbitConfig parse_config(const Config& config, std::uint32_t directions) {
  RabbitConfig out;
  const std::string uris = config.text("host");
  for (const std::string_view uri : common::split_list(uris))
    out.addresses.push_back(parse_address(uri));
  if (out.addresses.empty()) refuse("missing host address");
  out.queue = parse_queue(config);
  if (out.queue.exclusive && directions == (CLEAT_IN | CLEAT_OUT)) {
    refuse(
        "exclusive: an exclusive queue belongs to one connection, and reading and writing have one each; "
        "give the "
        "component one direction, or leave exclusive out");
  }
  parse_exchange(config, out);
  out.mandatory = config.boolean("mandatory", true);
  out.external_sasl = config.boolean("externalSasl");
  out.pem = {config.text("caCert"), config.text("clientCert"), config.text("clientKey")};
  out.skip_verify = config.boolean("insecureSkipTLSVerify");
  const bool any_tls =
      std::any_of(out.addresses.begin(), out.addresses.end(), [](const Address& each) { return each.tls; });
  if (!any_tls && (!out.pem.ca.empty() || !out.pem.cert.empty() || !out.pem.key.empty())) {
    refuse("host: expected amqps:// while caCert, clientCert or clientKey is set, found amqp://");
  }
  if (out.external_sasl && out.pem.cert.empty()) {
    refuse("clientCert: expected a certificate, which externalSasl logs in with, found nothing");
  }
  const auto prefetch = config.integer("prefetchCount");
  if (prefetch < 0 || prefetch > std::numeric_limits<std::uint16_t>::max()) {
    refuse("prefetchCount: expected 0 to 65535, found '" + std::to_string(prefetch) + "'");
  }
  out.prefetch = static_cast<std::uint16_t>(prefetch);
  out.exclusive_consumer = (directions & CLEAT_IN) != 0 && config.fact("ordering") == "strict" &&
                           !out.queue.single_active_consumer;
  out.broker_dead_letter = config.boolean("brokerDeadLetter");
  if (config.fact("dead-letter") == "broker" && !out.broker_dead_letter) {
    refuse(
        "brokerDeadLetter: expected true with deadLetter: broker, found false; without a dead letter "
        "exchange of "
        "the queue what is rejected would be dropped, or come again for ever. Give the queue one and say so "
        "with "
        "brokerDeadLetter, or let deadLetter name an output component");
  }
  out.strict_dapr = config.fact("strict-dapr") == "true";
  out.reconnect_wait = std::max(config.duration("reconnectWaitInSeconds", out.reconnect_wait),
                                std::chrono::nanoseconds(std::chrono::milliseconds(100)));
  out.delivery_timeout = config.duration("deliveryTimeout", out.delivery_timeout);
  out.client_name = std::string(config.fact("app-id")) + "/" + std::string(config.component());
  return out;
}

}  // namespace cleat::rabbitmq
