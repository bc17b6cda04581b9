#include <amqp.h>
#include <amqp_framing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "amqp_state.hpp"
#include "amqp_table.hpp"

namespace cleat::rabbitmq {
namespace {

constexpr auto kMain = static_cast<amqp_channel_t>(Channel::main);
// A socket that is said to be writable takes this much, whatever its buffer.
constexpr std::size_t kPart = 16U << 10U;
// What is around the bytes of a body in its frame.
constexpr std::size_t kBodyFrame = 8;
// What a frame needs besides names and values, generously.
constexpr std::size_t kFrameOverhead = 512, kEntryOverhead = 8;

}  // namespace

int AmqpLink::descriptor() const {
  return amqp_get_sockfd(state_->connection);
}

void AmqpLink::consume(const std::string& queue, const std::string& tag, std::uint16_t prefetch,
                       bool exclusive) {
  // Counts for the consumers that come after it. The broker does one after the other, and says what it refuses
  // by closing the channel.
  amqp_basic_qos_t qos{0, prefetch, 0};
  check(amqp_send_method(state_->connection, kMain, AMQP_BASIC_QOS_METHOD, &qos),
        "consuming cannot be begun");
  amqp_basic_consume_t consume{};
  consume.queue = bytes_of(queue);
  consume.consumer_tag = bytes_of(tag);
  consume.exclusive = exclusive ? 1 : 0;
  check(amqp_send_method(state_->connection, kMain, AMQP_BASIC_CONSUME_METHOD, &consume),
        "consuming cannot be begun");
}

void AmqpLink::cancel(const std::string& tag) {
  amqp_basic_cancel_t cancel{bytes_of(tag), 0};
  check(amqp_send_method(state_->connection, kMain, AMQP_BASIC_CANCEL_METHOD, &cancel),
        "consuming cannot be stopped");
}

void AmqpLink::ack(std::uint64_t delivery_tag) {
  check(amqp_basic_ack(state_->connection, kMain, delivery_tag, 0), "a message cannot be acknowledged");
}

void AmqpLink::give_back(std::uint64_t delivery_tag, bool requeue) {
  check(amqp_basic_nack(state_->connection, kMain, delivery_tag, 0, requeue ? 1 : 0),
        "a message cannot be given back");
}

bool AmqpLink::has_room(std::size_t size) {
  size = std::min(size, kPart);
  if (room_ < size) {
    pollfd polled{descriptor(), POLLOUT, 0};
    // An error is for who sends to find.
    if (::poll(&polled, 1, 0) == 0) return false;
    room_ = kPart;
  }
  room_ -= size;
  return true;
}

void AmqpLink::hold() {
  constexpr int kOn = 1;
  ::setsockopt(descriptor(), IPPROTO_TCP, TCP_CORK, &kOn, sizeof kOn);
}

void AmqpLink::release() {
  constexpr int kOff = 0;
  ::setsockopt(descriptor(), IPPROTO_TCP, TCP_CORK, &kOff, sizeof kOff);
}

bool AmqpLink::fits(const Outgoing& message) const {
  const Properties& from = message.properties;
  std::size_t size = kFrameOverhead + from.content_type.size() + from.message_id.size() +
                     from.correlation_id.size() + from.type.size() + from.reply_to.size() +
                     from.expiration.size();
  for (const auto& [name, value] : from.headers)
    size += name.size() + value.size() + kEntryOverhead;
  return size <= static_cast<std::size_t>(amqp_get_frame_max(state_->connection));
}

std::string_view AmqpLink::begin_message(Channel channel, const Outgoing& message, bool mandatory) {
  amqp_basic_properties_t properties{};
  const Properties& from = message.properties;
  const auto put = [&](amqp_flags_t flag, amqp_bytes_t& place, const std::string& value) {
    if (value.empty()) return;
    properties._flags |= flag;
    place = bytes_of(value);
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
  const auto on = static_cast<amqp_channel_t>(channel);
  const amqp_bytes_t exchange = bytes_of(message.exchange), key = bytes_of(message.routing_key);
  const amqp_boolean_t must_arrive = mandatory ? 1 : 0;
  if (message.body.size() <= kPart) {
    check(amqp_basic_publish(state_->connection, on, exchange, key, must_arrive, 0, &properties,
                             bytes_of(message.body)),
          "the message cannot be sent");
    return {};
  }
  amqp_basic_publish_t publish{0, exchange, key, must_arrive, 0};
  check(amqp_send_method(state_->connection, on, AMQP_BASIC_PUBLISH_METHOD, &publish),
        "the message cannot be sent");
  amqp_frame_t header{};
  header.frame_type = AMQP_FRAME_HEADER;
  header.channel = on;
  header.payload.properties.class_id = AMQP_BASIC_CLASS;
  header.payload.properties.body_size = message.body.size();
  header.payload.properties.decoded = &properties;
  check(amqp_send_frame(state_->connection, &header), "the message cannot be sent");
  state_->in_message = channel;
  return message.body;
}

std::string_view AmqpLink::continue_message(std::string_view rest) {
  // The library puts a frame into a buffer of the size that was agreed on, and does not look whether it fits.
  const auto agreed = static_cast<std::size_t>(amqp_get_frame_max(state_->connection));
  const std::string_view part = rest.substr(0, std::min(kPart, agreed - kBodyFrame));
  amqp_frame_t frame{};
  frame.frame_type = AMQP_FRAME_BODY;
  frame.channel = static_cast<amqp_channel_t>(state_->in_message.value_or(Channel::main));
  frame.payload.body_fragment = bytes_of(part);
  check(amqp_send_frame(state_->connection, &frame), "the message cannot be sent");
  rest.remove_prefix(part.size());
  if (rest.empty()) state_->in_message.reset();
  return rest;
}

void AmqpLink::ask() {
  // Nothing may come between the frames of a message on the channel of these.
  const bool is_main_taken = state_->in_message == Channel::main;
  amqp_channel_flow_t flow{1};
  check(amqp_send_method(state_->connection,
                         static_cast<amqp_channel_t>(is_main_taken ? Channel::aside : Channel::main),
                         AMQP_CHANNEL_FLOW_METHOD, &flow),
        "the broker cannot be asked");
}

void AmqpLink::process(AmqpListener& listener) {
  for (;;) {
    amqp_frame_t frame{};
    const timeval now{0, 0};
    const int status = amqp_simple_wait_frame_noblock(state_->connection, &frame, &now);
    if (status == AMQP_STATUS_TIMEOUT) break;
    if (status != AMQP_STATUS_OK) {
      state_->is_open = false;
      throw_library("the connection broke", status);
    }
    state_->frame(frame, listener);
    amqp_maybe_release_buffers_on_channel(state_->connection, frame.channel);
  }
}

void AmqpLink::close(std::chrono::milliseconds within) {
  if (!std::exchange(state_->is_open, false) || within.count() <= 0 || !has_room(kPart)) return;
  const timeval limit{within.count() / 1000, (within.count() % 1000) * 1000};
  amqp_set_rpc_timeout(state_->connection, &limit);
  amqp_connection_close(state_->connection, AMQP_REPLY_SUCCESS);
}

}  // namespace cleat::rabbitmq
