#include "common/kafka/properties.hpp"

#include <algorithm>

namespace cleat::kafka {
namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts)
    all.append(all.empty() ? "" : ",").append(part);
  return all;
}

std::string ms(std::chrono::milliseconds time) {
  return std::to_string(time.count());
}

void add_security(const Security& security, Properties& out) {
  out.push_back({"security.protocol", security.protocol()});
  if (!security.mechanism.empty()) {
    out.push_back({"sasl.mechanism", security.mechanism});
  }
  if (!security.mechanism.empty() && security.mechanism != "OAUTHBEARER") {
    out.push_back({"sasl.username", security.user});
    out.push_back({"sasl.password", security.password});
  }
  if (!security.tls) return;
  if (!security.ca.empty()) out.push_back({"ssl.ca.pem", security.ca});
  if (!security.certificate.empty()) {
    out.push_back({"ssl.certificate.pem", security.certificate});
    out.push_back({"ssl.key.pem", security.key});
  }
  if (!security.verify) {
    out.push_back({"enable.ssl.certificate.verification", "false"});
    out.push_back({"ssl.endpoint.identification.algorithm", "none"});
  }
}

Properties common(const Settings& config) {
  Properties out{{"bootstrap.servers", joined(config.brokers)},
                 {"client.id", config.client_id},
                 {"socket.timeout.ms", ms(std::max(config.socket_timeout, std::chrono::milliseconds(1'000)))},
                 {"socket.connection.setup.timeout.ms",
                  ms(std::max(config.dial_timeout, std::chrono::milliseconds(1'000)))},
                 {"socket.keepalive.enable", "true"},
                 {"topic.metadata.refresh.interval.ms", ms(config.metadata_refresh)},
                 {"metadata.max.age.ms", ms(config.metadata_max_age)},
                 {"connections.max.idle.ms", ms(config.idle_connections)},
                 {"allow.auto.create.topics", "true"},
                 // A broker that comes back is found within this, whatever it has been away for.
                 {"reconnect.backoff.max.ms", "2000"},
                 // A consumer does not wait ever longer but always for this: with the default it tries
                 // twenty times a second. After a connection was lost the first attempt is made at once.
                 {"reconnect.backoff.ms", "1000"},
                 {"log.connection.close", "false"},
                 {"enable.metrics.push", "false", true}};
  add_security(config.security, out);
  return out;
}

}  // namespace

Properties consumer_properties(const Settings& config, int client_version) {
  Properties out = common(config);
  // Since 2.2 the pause between two looks at a full prefetch queue can be set. Before that it is a second, in
  // which more records than asked for have to last.
  constexpr int kBackoffCanBeSet = 0x02020000;
  const std::int64_t records =
      client_version >= kBackoffCanBeSet ? config.prefetch : std::max<std::int64_t>(config.prefetch, 10'000);
  const std::int64_t kilobytes = std::max<std::int64_t>(2'048, config.fetch_bytes / 1'024);
  out.insert(
      out.end(),
      {{"group.id", config.group},
       {"partition.assignment.strategy", config.assignment},
       {"session.timeout.ms", ms(config.session_timeout)},
       {"heartbeat.interval.ms", ms(config.heartbeat)},
       // Also how long the group waits for a member at a rebalance: as Dapr's client. Polling
       // never stops, so it is never reached otherwise.
       {"max.poll.interval.ms", ms(std::max(config.session_timeout, std::chrono::milliseconds(60'000)))},
       {"enable.auto.commit", "false"},
       {"enable.auto.offset.store", "false"},
       {"auto.offset.reset", "error"},
       {"enable.partition.eof", "true"},  // says where a log ends whose last entries are no records
       {"fetch.min.bytes", std::to_string(config.fetch_min)},
       {"fetch.message.max.bytes", std::to_string(config.fetch_bytes)},
       {"fetch.max.bytes", std::to_string(std::max<std::int64_t>(config.fetch_bytes, 8'388'608))},
       {"queued.min.messages", std::to_string(records)},
       {"queued.max.messages.kbytes", std::to_string(kilobytes)},
       {"fetch.queue.backoff.ms", "10", true}});
  return out;
}

Properties producer_properties(const Settings& config) {
  Properties out = common(config);
  const std::string acks = config.acks == "all" ? "-1" : config.acks == "local" ? "1" : "0";
  // The library takes no time that is not longer than the linger.
  const auto least =
      std::chrono::ceil<std::chrono::milliseconds>(config.linger) + std::chrono::milliseconds(1);
  const double linger = std::chrono::duration<double, std::milli>(config.linger).count();
  out.insert(out.end(),
             {{"acks", acks},
              {"message.send.max.retries", std::to_string(config.retries)},
              {"retry.backoff.ms", "100"},
              {"compression.codec", config.compression},
              {"partitioner", config.partitioner},
              {"message.max.bytes", std::to_string(config.max_message_bytes)},
              {"linger.ms", std::to_string(linger)},
              {"max.in.flight.requests.per.connection", std::to_string(config.max_in_flight)},
              // Not sent again once the call is over: the host's attempts and the client's must not multiply.
              {"message.timeout.ms", ms(std::max(config.call_time, least))},
              {"request.timeout.ms", ms(config.request_timeout)},
              // So long a topic may be unknown before the call says so.
              {"topic.metadata.propagation.max.ms", "5000"},
              {"queue.buffering.max.messages", "100000"},
              {"queue.buffering.max.kbytes", "131072"}});
  return out;
}

}  // namespace cleat::kafka
