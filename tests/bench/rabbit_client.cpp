#include "rabbit_client.hpp"

#include <amqp_tcp_socket.h>

#include <cstdio>
#include <cstdlib>

namespace cleat::bench {
namespace {

[[noreturn]] void failed(const char* what, const char* why) {
  std::fprintf(stderr, "rabbitmq: %s: %s\n", what, why);
  std::exit(1);
}

amqp_connection_state_t connect_to(int port) {
  amqp_connection_state_t connection = amqp_new_connection();
  amqp_socket_t* socket = amqp_tcp_socket_new(connection);
  if (socket == nullptr) failed("connect", "no memory");
  RabbitClient::check(amqp_socket_open(socket, "127.0.0.1", port), "connect");
  return connection;
}

}  // namespace

RabbitClient::RabbitClient(boost::asio::io_context& io, int port, const std::string& queue)
    : connection_(connect_to(port)), socket_(io, amqp_get_sockfd(connection_)) {
  constexpr int kFrameMax = 131072, kNoHeartbeat = 0;
  const amqp_rpc_reply_t login =
      amqp_login(connection_, "/", 1, kFrameMax, kNoHeartbeat, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
  if (login.reply_type != AMQP_RESPONSE_NORMAL) failed("login", "refused");
  amqp_channel_open(connection_, kChannel);
  check_reply("channel");
  amqp_queue_declare(connection_, kChannel, amqp_cstring_bytes(queue.c_str()), 0, 1, 0, 0, amqp_empty_table);
  check_reply("queue");
}

void RabbitClient::check_reply(const char* what) const {
  if (amqp_get_rpc_reply(connection_).reply_type != AMQP_RESPONSE_NORMAL) failed(what, "refused");
}

void RabbitClient::check(int status, const char* what) {
  if (status != AMQP_STATUS_OK) failed(what, amqp_error_string2(status));
}

void RabbitClient::read_always(std::function<void(const amqp_frame_t&)> take) {
  take_ = std::move(take);
  socket_.read_always([this] { read(); });
  read();  // what came in with the answers so far
}

void RabbitClient::read() {
  const timeval now{0, 0};
  amqp_frame_t frame{};
  for (;;) {
    const int status = amqp_simple_wait_frame_noblock(connection_, &frame, &now);
    if (status == AMQP_STATUS_TIMEOUT) return;
    check(status, "connection");
    take_(frame);
    amqp_maybe_release_buffers_on_channel(connection_, frame.channel);
  }
}

}  // namespace cleat::bench
