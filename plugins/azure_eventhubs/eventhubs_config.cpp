#include "eventhubs_config.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>

#include "common/text.hpp"
#include "connection_string.hpp"

namespace cleat::eventhubs {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

[[noreturn]] void refuse(const std::string& text, cleat_status status = CLEAT_INVALID) {
  throw Error(status, text);
}

std::string trimmed(const Config& config, std::string_view name) {
  return std::string(common::trimmed(config.text(name)));
}

/// The connection string is the password, as the service's Kafka endpoint has it.
std::string read_connection_string(const Config& config, EventHubsConfig& out) {
  const std::string text = trimmed(config, "connectionString");
  const ConnectionString parts = parse_connection_string(text);
  std::string hub = trimmed(config, "eventHub");
  if (hub.empty()) hub = parts.entity_path;
  if (hub.empty())
    refuse(
        "the provided connection string does not contain a value for 'EntityPath' and no 'eventHub' property "
        "was passed");
  if (!parts.entity_path.empty() && hub != parts.entity_path)
    refuse("eventHub is '" + hub + "', but the EntityPath of connectionString is '" + parts.entity_path +
           "': leave eventHub out, or use a connection string of the namespace");
  out.namespace_host = parts.host;
  out.security.tls = !parts.is_emulator;
  out.security.mechanism = "PLAIN";
  out.security.user = "$ConnectionString";
  out.security.password = text;
  out.brokers = {parts.host + (parts.is_emulator ? ":9092" : ":9093")};
  if (config.boolean("enableEntityManagement", false))
    out.warnings.emplace_back(
        "enableEntityManagement: with a connection string nothing can be managed, so it has no effect, as in "
        "Dapr");
  return hub;
}

std::string read_identity(const Config& config, const azure::Environment& from, EventHubsConfig& out) {
  std::string hub = trimmed(config, "eventHub");
  if (hub.empty()) refuse("property 'eventHub' is required when connecting with Azure AD");
  out.namespace_host = trimmed(config, "eventHubNamespace");
  if (out.namespace_host.find('.') == std::string::npos) out.namespace_host += ".servicebus.windows.net";
  if (config.boolean("enableEntityManagement", false)) {
    for (const char* name : {"resourceGroupName", "subscriptionID"}) {
      if (trimmed(config, name).empty())
        refuse("property " + std::string(name) + " is required for entity management");
    }
    refuse(
        "enableEntityManagement is not served: make the event hub beforehand (az eventhubs eventhub create) "
        "and "
        "leave this field out; a consumer group needs no making",
        CLEAT_UNSUPPORTED);
  }
  out.login = azure::token_settings(config, from);
  out.security.tls = true;
  out.security.mechanism = "OAUTHBEARER";
  out.brokers = {out.namespace_host + ":9093"};
  return hub;
}

void read_endpoint(const Config& config, EventHubsConfig& out) {
  std::string endpoint = trimmed(config, "endpoint");
  if (endpoint.empty()) return;
  const std::size_t colon = endpoint.rfind(':');
  const bool has_port = colon != std::string::npos && colon > 0 && colon + 1 < endpoint.size() &&
                        endpoint.find_first_not_of("0123456789", colon + 1) == std::string::npos;
  if (!has_port || endpoint.find_first_of("/ ,") != std::string::npos)
    refuse("endpoint: expected host:port, as in shop.servicebus.windows.net:9093, found '" + endpoint + "'");
  out.brokers = {std::move(endpoint)};
}

void read_ca(const Config& config, EventHubsConfig& out) {
  out.security.ca = config.text("caCert");
  const std::size_t begin = out.security.ca.find("-----BEGIN ");
  const bool is_pem =
      begin != std::string::npos && out.security.ca.find("-----END ", begin) != std::string::npos;
  if (!out.security.ca.empty() && !is_pem)
    refuse("caCert must hold PEM text, from -----BEGIN to -----END, not a file name");
}

void read_input(const Config& config, const std::string& hub, EventHubsConfig& out) {
  out.group = trimmed(config, "consumerGroup");
  if (out.group.empty()) out.group = trimmed(config, "consumerID");
  if ((config.raw().directions & CLEAT_IN) != 0 && !out.group.empty()) out.topics = {hub};
  out.all_properties = config.boolean("getAllMessageProperties", false);
  const std::string start = config.text("initialOffset", "newest"),
                    lost = config.text("onOffsetLost", "stop");
  out.initial_offset = start == "oldest" ? kafka::Settings::Start::oldest : kafka::Settings::Start::newest;
  out.on_offset_lost = lost == "oldest"   ? kafka::Settings::OffsetLost::oldest
                       : lost == "newest" ? kafka::Settings::OffsetLost::newest
                                          : kafka::Settings::OffsetLost::stop;
  const auto most = config.integer<std::int64_t>("maxUncommitted", 10'000);
  if (most < 1 || most > 100'000'000)
    refuse("maxUncommitted: expected a number from 1 to 100000000, found " + std::to_string(most));
  out.max_uncommitted = static_cast<std::uint64_t>(most);
  // The bounds are the service's.
  const nanoseconds session = config.duration("sessionTimeout", std::chrono::seconds(30));
  if (session < std::chrono::seconds(6) || session > std::chrono::minutes(5))
    refuse("sessionTimeout: expected a duration from 6s to 5m");
  out.session_timeout = std::chrono::ceil<milliseconds>(session);
  out.heartbeat = std::min(out.session_timeout / 3, milliseconds(3'000));
}

/// Where the checkpoints of AMQP's readers are, if a storage account is given. Dapr demands one to read at all.
void read_storage(const Config& config, const std::string& hub, const azure::Environment& from,
                  EventHubsConfig& out) {
  constexpr azure::AccountFields kFields{"storageConnectionString", "storageAccountName", "storageAccountKey",
                                         nullptr, "storageEndpoint"};
  const auto has = [&](const char* name) { return !trimmed(config, name).empty(); };
  const bool has_account = has(kFields.connection_string) || has(kFields.name);
  const bool has_container = has("storageContainerName");
  if (out.topics.empty() || (!has_account && !has_container && !has(kFields.key) && !has(kFields.endpoint)))
    return;
  for (const auto& [is_there, name] :
       {std::pair(has_account, kFields.name), std::pair(has_container, "storageContainerName")}) {
    if (!is_there)
      refuse(
          "property " + std::string(name) +
          " is required to subscribe to an Event Hub topic: the other storage fields are given. Leave them "
          "all out if there are no checkpoints to begin at");
  }
  if (has(kFields.connection_string) && has(kFields.key))
    out.warnings.emplace_back("storageConnectionString counts, storageAccountKey does not: both are given");
  CheckpointPlace place;
  place.account = azure::account_of(config, azure::Service::blob, kFields, from);
  place.container = trimmed(config, "storageContainerName");
  place.folder = common::lower(out.namespace_host + "/" + hub + "/" + out.group + "/checkpoint/");
  if (has(kFields.endpoint)) place.ca = out.security.ca;
  out.checkpoints = std::move(place);
}

/// What the service asks of Kafka clients.
void set_service_values(const Config& config, EventHubsConfig& out) {
  out.service = "Event Hubs";
  out.prefix = "error trying to establish a connection: ";
  out.call_prefix = "error publishing batch: ";
  out.client_id = "cleat";
  out.partitioner = "murmur2_random";
  out.metadata_refresh = out.metadata_max_age = out.idle_connections = std::chrono::minutes(3);
  out.request_timeout = out.socket_timeout = std::chrono::seconds(60);
  const std::string_view given = config.fact("invoke-timeout-ns");
  std::int64_t ns = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), ns);
  if (error != std::errc() || end != given.data() + given.size() || ns <= 0) return;
  out.call_time = std::clamp(std::chrono::ceil<milliseconds>(nanoseconds(ns)), milliseconds(1),
                             milliseconds(std::numeric_limits<std::int32_t>::max()));
}

}  // namespace

EventHubsConfig read_config(const Config& config, const azure::Environment& from) {
  const bool has_string = !trimmed(config, "connectionString").empty();
  const bool has_namespace = !trimmed(config, "eventHubNamespace").empty();
  if (!has_string && !has_namespace) refuse("one of connectionString or eventHubNamespace is required");
  if (has_string && has_namespace)
    refuse("only one of connectionString or eventHubNamespace should be passed");
  EventHubsConfig out;
  const std::string hub = has_string ? read_connection_string(config, out) : read_identity(config, from, out);
  read_endpoint(config, out);
  read_ca(config, out);
  read_input(config, hub, out);
  read_storage(config, hub, from, out);
  if ((config.raw().directions & CLEAT_OUT) != 0) out.publish_topic = hub;
  set_service_values(config, out);
  return out;
}

}  // namespace cleat::eventhubs
