#include "amqp_link.hpp"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>

#include <charconv>
#include <utility>
#include <vector>

#include "amqp_state.hpp"
#include "amqp_table.hpp"

namespace cleat::rabbitmq {
namespace {

constexpr amqp_channel_t kChannel = 1;
constexpr int kFrameMax = 131072;
constexpr int kUserTimeoutMs = 15'000;
constexpr timeval kRpcTimeout{10, 0};
constexpr const char* kConsumerTag = "cleat";

amqp_bytes_t bytes(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}

[[noreturn]] void throw_library(const std::string& what, int status) {
  throw Error(CLEAT_UNAVAILABLE, what + ": " + amqp_error_string2(status), CLEAT_RETRYABLE, status);
}

void check(int status, const std::string& what) {
  if (status != AMQP_STATUS_OK) throw_library(what, status);
}

void check(const amqp_rpc_reply_t& reply, const std::string& what) {
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
  if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION) throw_library(what, reply.library_error);
  if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
    const auto* closed = static_cast<const amqp_channel_close_t*>(reply.reply.decoded);
    throw_closed(what, closed->reply_code, text_of(closed->reply_text));
  }
  const auto* closed = static_cast<const amqp_connection_close_t*>(reply.reply.decoded);
  throw_closed(what, closed->reply_code, text_of(closed->reply_text));
}

bool is_address(const std::string& host) {
  return host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
}

timeval timeval_of(std::chrono::milliseconds time) {
  return {time.count() / 1000, (time.count() % 1000) * 1000};
}

}  // namespace

AmqpLink::AmqpLink(const RabbitConfig& config, const Address& address, std::chrono::milliseconds within)
    : state_(std::make_unique<State>()) {
  amqp_connection_state_t connection = state_->connection;
  const timeval handshake = timeval_of(within);
  check(amqp_set_handshake_timeout(connection, &handshake), "handshake");
  check(amqp_set_rpc_timeout(connection, &kRpcTimeout), "timeout");
  open_socket(config, address, within);
  log_in(config, address);
  look_at_server();
  amqp_channel_open(connection, kChannel);
  check(amqp_get_rpc_reply(connection), "the channel cannot be opened");
  state_->is_open = true;
}

AmqpLink::~AmqpLink() {
  // The socket is closed without a farewell that would be waited for: the broker gives back what was out.
  if (state_->is_open) {
    amqp_connection_close_t farewell{AMQP_REPLY_SUCCESS, amqp_cstring_bytes("bye"), 0, 0};
    amqp_send_method(state_->connection, 0, AMQP_CONNECTION_CLOSE_METHOD, &farewell);
  }
}

int AmqpLink::descriptor() const {
  return amqp_get_sockfd(state_->connection);
}

void AmqpLink::open_socket(const RabbitConfig& config, const Address& address,
                           std::chrono::milliseconds within) {
  amqp_socket_t* socket = nullptr;
  if (address.tls) {
    socket = amqp_ssl_socket_new(state_->connection);
    if (socket == nullptr)
      throw Error(CLEAT_INTERNAL, "no TLS socket could be made: " + common::tls_reasons());
    auto* context = static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket));
    common::use_pem(context, config.pem, config.skip_verify);
    // The library's own check of names knows no addresses; OpenSSL's does.
    X509_VERIFY_PARAM* expected = SSL_CTX_get0_param(context);
    if (is_address(address.host)) {
      X509_VERIFY_PARAM_set1_ip_asc(expected, address.host.c_str());
    } else {
      X509_VERIFY_PARAM_set1_host(expected, address.host.c_str(), address.host.size());
    }
    amqp_ssl_socket_set_verify_hostname(socket, 0);
    amqp_ssl_socket_set_verify_peer(socket, config.skip_verify ? 0 : 1);
  } else {
    socket = amqp_tcp_socket_new(state_->connection);
    if (socket == nullptr) throw Error(CLEAT_INTERNAL, "no memory for a socket");
  }
  const timeval limit = timeval_of(within);
  const int status = amqp_socket_open_noblock(socket, address.host.c_str(), address.port, &limit);
  if (status != AMQP_STATUS_OK) {
    const std::string why = address.tls ? ": " + common::tls_reasons() : std::string();
    throw Error(CLEAT_UNAVAILABLE, std::string("it cannot be reached: ") + amqp_error_string2(status) + why,
                CLEAT_RETRYABLE, status);
  }
  ::setsockopt(descriptor(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMs, sizeof kUserTimeoutMs);
}

void AmqpLink::log_in(const RabbitConfig& config, const Address& address) {
  const auto yes = [](const char* name) {
    amqp_table_entry_t entry{amqp_cstring_bytes(name), {}};
    entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
    entry.value.value.boolean = 1;
    return entry;
  };
  amqp_table_entry_t can[] = {yes("consumer_cancel_notify"), yes("connection.blocked"), yes("basic.nack"),
                              yes("publisher_confirms"), yes("authentication_failure_close")};
  amqp_table_entry_t properties[2]{};
  properties[0].key = amqp_cstring_bytes("capabilities");
  properties[0].value.kind = AMQP_FIELD_KIND_TABLE;
  properties[0].value.value.table = {static_cast<int>(std::size(can)), can};
  properties[1].key = amqp_cstring_bytes("connection_name");
  properties[1].value.kind = AMQP_FIELD_KIND_UTF8;
  properties[1].value.value.bytes = bytes(config.client_name);
  const amqp_table_t table{2, properties};
  const auto heartbeat = static_cast<int>(config.heartbeat.count());
  const amqp_rpc_reply_t reply =
      config.external_sasl
          ? amqp_login_with_properties(state_->connection, address.vhost.c_str(), 1, kFrameMax, heartbeat,
                                       &table, AMQP_SASL_METHOD_EXTERNAL, address.user.c_str())
          : amqp_login_with_properties(state_->connection, address.vhost.c_str(), 1, kFrameMax, heartbeat,
                                       &table, AMQP_SASL_METHOD_PLAIN, address.user.c_str(),
                                       address.password.c_str());
  try {
    check(reply, "the login failed");
  } catch (const Error& error) {
    // A refusal of the password; without the right to the vhost it is 530.
    if (error.native_code == 403) throw Error(CLEAT_UNAUTHENTICATED, error.what(), 0, error.native_code);
    if (error.native_code == 530) throw Error(CLEAT_DENIED, error.what(), 0, error.native_code);
    throw;
  }
}

void AmqpLink::look_at_server() {
  const amqp_table_t* properties = amqp_get_server_properties(state_->connection);
  for (int i = 0; i < properties->num_entries; ++i) {
    const amqp_table_entry_t& entry = properties->entries[i];
    if (text_of(entry.key) != "version" || entry.value.kind != AMQP_FIELD_KIND_UTF8) continue;
    const std::string version = text_of(entry.value.value.bytes);
    std::from_chars(version.data(), version.data() + version.size(), server_major_);
  }
}

void AmqpLink::select_confirms() {
  amqp_confirm_select(state_->connection, kChannel);
  check(amqp_get_rpc_reply(state_->connection), "publisher confirms cannot be had");
}

void AmqpLink::set_up(const RabbitConfig& config, bool is_input) {
  amqp_connection_state_t connection = state_->connection;
  if (!config.exchange.empty()) {
    const bool is_passive = config.exchange_kind.empty();
    amqp_exchange_declare(connection, kChannel, bytes(config.exchange),
                          bytes(is_passive ? "direct" : config.exchange_kind), is_passive ? 1 : 0, 1, 0, 0,
                          amqp_empty_table);
    check(amqp_get_rpc_reply(connection), "exchange '" + config.exchange + "'");
  }
  // A publisher to an exchange of its own has nothing to do with the queues behind it.
  if (!is_input && !config.exchange.empty()) return;
  declare_queue(config.queue);
  if (!is_input || config.exchange.empty()) return;
  for (const std::string& key : config.binding_keys) {
    amqp_queue_bind(connection, kChannel, bytes(config.queue.name), bytes(config.exchange), bytes(key),
                    amqp_empty_table);
    check(amqp_get_rpc_reply(connection),
          "queue '" + config.queue.name + "' cannot be bound to exchange '" + config.exchange + "'");
  }
}

void AmqpLink::declare_queue(const QueueSettings& queue) {
  Table arguments;
  if (queue.declare) {
    if (queue.quorum) arguments.add("x-queue-type", "quorum");
    if (queue.message_ttl) arguments.add("x-message-ttl", queue.message_ttl->count());
    if (queue.max_priority) arguments.add("x-max-priority", std::int64_t{*queue.max_priority});
    if (queue.single_active_consumer) arguments.add("x-single-active-consumer", true);
    if (!queue.dead_letter_exchange.empty() || !queue.dead_letter_routing_key.empty())
      arguments.add("x-dead-letter-exchange", queue.dead_letter_exchange);
    if (!queue.dead_letter_routing_key.empty())
      arguments.add("x-dead-letter-routing-key", queue.dead_letter_routing_key);
    constexpr int kLimitByDefault = 4;  // from here on a quorum queue drops what was delivered 20 times
    const bool would_drop =
        queue.quorum && server_major_ >= kLimitByDefault && queue.dead_letter_exchange.empty();
    if (queue.delivery_limit) {
      arguments.add("x-delivery-limit", *queue.delivery_limit);
    } else if (would_drop) {
      arguments.add("x-delivery-limit", std::int64_t{-1});
    }
  }
  amqp_queue_declare(state_->connection, kChannel, bytes(queue.name), queue.declare ? 0 : 1,
                     queue.durable ? 1 : 0, queue.exclusive ? 1 : 0, queue.auto_delete ? 1 : 0,
                     arguments.raw());
  check(amqp_get_rpc_reply(state_->connection), "queue '" + queue.name + "'");
}

void AmqpLink::consume(const std::string& queue, std::uint16_t prefetch, bool exclusive) {
  amqp_basic_qos(state_->connection, kChannel, 0, prefetch, 0);
  check(amqp_get_rpc_reply(state_->connection), "the prefetch count cannot be set");
  amqp_basic_consume(state_->connection, kChannel, bytes(queue), amqp_cstring_bytes(kConsumerTag), 0, 0,
                     exclusive ? 1 : 0, amqp_empty_table);
  check(amqp_get_rpc_reply(state_->connection), "queue '" + queue + "' cannot be consumed");
}

void AmqpLink::stop_consuming(const AmqpEvents& events) {
  amqp_basic_cancel(state_->connection, kChannel, amqp_cstring_bytes(kConsumerTag));
  check(amqp_get_rpc_reply(state_->connection), "consuming cannot be stopped");
  process(events);
}

void AmqpLink::publish(const Outgoing& message, bool mandatory) {
  amqp_basic_properties_t properties{};
  const Properties& from = message.properties;
  const auto put = [&](amqp_flags_t flag, amqp_bytes_t& place, const std::string& value) {
    if (value.empty()) return;
    properties._flags |= flag;
    place = bytes(value);
  };
  put(AMQP_BASIC_CONTENT_TYPE_FLAG, properties.content_type, from.content_type);
  put(AMQP_BASIC_MESSAGE_ID_FLAG, properties.message_id, from.message_id);
  put(AMQP_BASIC_CORRELATION_ID_FLAG, properties.correlation_id, from.correlation_id);
  put(AMQP_BASIC_TYPE_FLAG, properties.type, from.type);
  put(AMQP_BASIC_REPLY_TO_FLAG, properties.reply_to, from.reply_to);
  put(AMQP_BASIC_EXPIRATION_FLAG, properties.expiration, from.expiration);
  if (from.delivery_mode) {
    properties._flags |= AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties.delivery_mode = *from.delivery_mode;
  }
  if (from.priority) {
    properties._flags |= AMQP_BASIC_PRIORITY_FLAG;
    properties.priority = *from.priority;
  }
  Table headers;
  for (const auto& [name, value] : from.headers)
    headers.add(name, value);
  if (!from.headers.empty()) {
    properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    properties.headers = headers.raw();
  }
  check(amqp_basic_publish(state_->connection, kChannel, bytes(message.exchange), bytes(message.routing_key),
                           mandatory ? 1 : 0, 0, &properties, bytes(message.body)),
        "the message cannot be sent");
}

void AmqpLink::ack(std::uint64_t tag) {
  check(amqp_basic_ack(state_->connection, kChannel, tag, 0), "a message cannot be acknowledged");
}

void AmqpLink::give_back(std::uint64_t tag, bool requeue) {
  check(amqp_basic_nack(state_->connection, kChannel, tag, 0, requeue ? 1 : 0),
        "a message cannot be given back");
}

void AmqpLink::process(const AmqpEvents& events) {
  for (;;) {
    amqp_frame_t frame{};
    const timeval now{0, 0};
    const int status = amqp_simple_wait_frame_noblock(state_->connection, &frame, &now);
    if (status == AMQP_STATUS_TIMEOUT) break;
    if (status != AMQP_STATUS_OK) {
      state_->is_open = false;
      throw_library("the connection broke", status);
    }
    if (frame.frame_type == AMQP_FRAME_METHOD) {
      state_->method(frame.payload.method, events);
    } else if (frame.frame_type == AMQP_FRAME_HEADER) {
      state_->header(frame, events);
    } else if (frame.frame_type == AMQP_FRAME_BODY) {
      state_->body(frame, events);
    }
    amqp_maybe_release_buffers_on_channel(state_->connection, kChannel);
  }
}

}  // namespace cleat::rabbitmq
