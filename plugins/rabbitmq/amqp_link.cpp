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
#include <iterator>
#include <utility>

#include "amqp_state.hpp"
#include "amqp_table.hpp"

namespace cleat::rabbitmq {
namespace {

constexpr int kFrameMax = 131072;
constexpr int kUserTimeoutMs = 15'000;
constexpr int kUnlimitedFrom = 4;  // from this version on a quorum queue drops what was given out 20 times
constexpr timeval kRpcTimeout{5, 0};
constexpr std::size_t kFarewell = 64;  // bytes, generously

bool is_address(const std::string& host) {
  return host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
}

timeval timeval_of(std::chrono::milliseconds time) {
  return {time.count() / 1000, (time.count() % 1000) * 1000};
}

/// Tells the server which host is meant, for a broker behind a proxy that goes by names. The library would tell it
/// the number that it was given.
void name_server(const SSL* ssl, int where, int /*value*/) {
  if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
  const auto* name = static_cast<const char*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (name != nullptr) SSL_set_tlsext_host_name(const_cast<SSL*>(ssl), name);
}

void expect_server(SSL_CTX* context, const std::string& host) {
  // The library's own check of names knows no addresses; OpenSSL's does.
  X509_VERIFY_PARAM* expected = SSL_CTX_get0_param(context);
  if (is_address(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str());
    return;
  }
  X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size());
  SSL_CTX_set_app_data(context, const_cast<char*>(host.c_str()));
  SSL_CTX_set_info_callback(context, name_server);
}

}  // namespace

void check_certificates(const RabbitConfig& config) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  &SSL_CTX_free);
  if (!context) throw Error(CLEAT_INTERNAL, "OpenSSL gives no context: " + common::tls_reasons());
  common::use_pem(context.get(), config.pem, config.skip_verify);
}

void Interrupt::set() {
  const std::lock_guard lock(mutex_);
  is_set_ = true;
  if (descriptor_ >= 0) ::shutdown(descriptor_, SHUT_RDWR);
}

bool Interrupt::is_set() const {
  const std::lock_guard lock(mutex_);
  return is_set_;
}

void Interrupt::watch(int descriptor) {
  const std::lock_guard lock(mutex_);
  if (is_set_ && descriptor >= 0) ::shutdown(descriptor, SHUT_RDWR);
  descriptor_ = descriptor;
}

AmqpLink::AmqpLink(const RabbitConfig& config, const Address& address, const std::string& numeric,
                   std::chrono::milliseconds within, std::shared_ptr<Interrupt> interrupt)
    : state_(std::make_unique<State>()), interrupt_(std::move(interrupt)) {
  try {
    const timeval handshake = timeval_of(within);
    check(amqp_set_handshake_timeout(state_->connection, &handshake), "handshake");
    check(amqp_set_rpc_timeout(state_->connection, &kRpcTimeout), "timeout");
    open_socket(config, address, numeric, within);
    interrupt_->watch(descriptor());
    log_in(config, address);
    look_at_server();
    open_channel(Channel::main);
    state_->is_open = true;
  } catch (...) {
    interrupt_->watch(-1);
    throw;
  }
}

AmqpLink::~AmqpLink() {
  interrupt_->watch(-1);
  // A farewell that nobody waits for: the broker gives back what was out.
  if (state_->is_open && has_room(kFarewell)) {
    amqp_connection_close_t farewell{AMQP_REPLY_SUCCESS, amqp_cstring_bytes("bye"), 0, 0};
    amqp_send_method(state_->connection, 0, AMQP_CONNECTION_CLOSE_METHOD, &farewell);
  }
}

void AmqpLink::open_socket(const RabbitConfig& config, const Address& address, const std::string& numeric,
                           std::chrono::milliseconds within) {
  amqp_socket_t* socket = nullptr;
  if (address.tls) {
    socket = amqp_ssl_socket_new(state_->connection);
    if (socket == nullptr)
      throw Error(CLEAT_INTERNAL, "no TLS socket could be made: " + common::tls_reasons());
    auto* context = static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket));
    common::use_pem(context, config.pem, config.skip_verify);
    expect_server(context, address.host);
    amqp_ssl_socket_set_verify_hostname(socket, 0);
    amqp_ssl_socket_set_verify_peer(socket, config.skip_verify ? 0 : 1);
  } else {
    socket = amqp_tcp_socket_new(state_->connection);
    if (socket == nullptr) throw Error(CLEAT_INTERNAL, "no memory for a socket");
  }
  const timeval limit = timeval_of(within);
  const int status = amqp_socket_open_noblock(socket, numeric.c_str(), address.port, &limit);
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
  properties[1].value.value.bytes = bytes_of(config.client_name);
  const amqp_table_t table{2, properties};
  constexpr int kChannels = 2;
  const auto heartbeat = static_cast<int>(address.heartbeat.count());
  const amqp_rpc_reply_t reply =
      config.external_sasl
          ? amqp_login_with_properties(state_->connection, address.vhost.c_str(), kChannels, kFrameMax,
                                       heartbeat, &table, AMQP_SASL_METHOD_EXTERNAL, address.user.c_str())
          : amqp_login_with_properties(state_->connection, address.vhost.c_str(), kChannels, kFrameMax,
                                       heartbeat, &table, AMQP_SASL_METHOD_PLAIN, address.user.c_str(),
                                       address.password.c_str());
  try {
    check(reply, "the login failed");
  } catch (const Error& error) {
    // A refusal of the password; without the right to the vhost, or without a vhost, it is 530.
    if (error.native_code == AMQP_ACCESS_REFUSED)
      throw Error(CLEAT_UNAUTHENTICATED, error.what(), CLEAT_RETRYABLE, error.native_code);
    if (error.native_code == AMQP_NOT_ALLOWED)
      throw Error(CLEAT_DENIED, error.what(), CLEAT_RETRYABLE, error.native_code);
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

void AmqpLink::open_channel(Channel channel) {
  amqp_channel_open(state_->connection, static_cast<amqp_channel_t>(channel));
  check(amqp_get_rpc_reply(state_->connection), "the channel cannot be opened");
}

void AmqpLink::open_for_confirms() {
  open_channel(Channel::aside);
  for (const Channel channel : {Channel::main, Channel::aside}) {
    amqp_confirm_select(state_->connection, static_cast<amqp_channel_t>(channel));
    check(amqp_get_rpc_reply(state_->connection), "publisher confirms cannot be had");
  }
}

void AmqpLink::set_up(const RabbitConfig& config, bool is_input) {
  if (!config.exchange.empty()) declare_exchange(config);
  // A publisher to an exchange of its own has nothing to do with the queues behind it.
  if (!is_input && !config.exchange.empty()) return;
  declare_queue(config.queue);
  if (!is_input || config.exchange.empty()) return;
  for (const std::string& key : config.binding_keys) {
    amqp_queue_bind(state_->connection, static_cast<amqp_channel_t>(Channel::main),
                    bytes_of(config.queue.name), bytes_of(config.exchange), bytes_of(key), amqp_empty_table);
    check(amqp_get_rpc_reply(state_->connection),
          "queue '" + config.queue.name + "' cannot be bound to exchange '" + config.exchange + "'");
  }
}

void AmqpLink::declare_exchange(const RabbitConfig& config) {
  const bool is_passive = config.exchange_kind.empty();
  amqp_exchange_declare(state_->connection, static_cast<amqp_channel_t>(Channel::main),
                        bytes_of(config.exchange), bytes_of(is_passive ? "direct" : config.exchange_kind),
                        is_passive ? 1 : 0, 1, 0, 0, amqp_empty_table);
  check(amqp_get_rpc_reply(state_->connection), "exchange '" + config.exchange + "'");
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
    if (queue.delivery_limit) {
      arguments.add("x-delivery-limit", *queue.delivery_limit);
    } else if (queue.is_unlimited() && server_major_ >= kUnlimitedFrom) {
      arguments.add("x-delivery-limit", std::int64_t{-1});
    }
  }
  amqp_queue_declare(state_->connection, static_cast<amqp_channel_t>(Channel::main), bytes_of(queue.name),
                     queue.declare ? 0 : 1, queue.durable ? 1 : 0, queue.exclusive ? 1 : 0,
                     queue.auto_delete ? 1 : 0, arguments.raw());
  try {
    check(amqp_get_rpc_reply(state_->connection), "queue '" + queue.name + "'");
  } catch (const Error& error) {
    if (error.native_code != AMQP_PRECONDITION_FAILED || !queue.declare) throw;
    throw Error(
        error.status,
        std::string(error.what()) + "; make the fields fit the queue that is there, or set declare to false",
        error.flags, error.native_code);
  }
}

}  // namespace cleat::rabbitmq
