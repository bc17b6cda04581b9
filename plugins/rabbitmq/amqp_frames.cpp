#include <amqp.h>
#include <amqp_framing.h>

#include <algorithm>
#include <utility>

#include "amqp_state.hpp"
#include "amqp_table.hpp"

namespace cleat::rabbitmq {
namespace {

// The broker says how long a body is; more than this is asked for only as it comes.
constexpr std::uint64_t kMostReserved = 4U << 20U;

cleat_status status_of(std::uint16_t code) {
  switch (code) {
    case AMQP_ACCESS_REFUSED:
      return CLEAT_DENIED;
    case AMQP_NOT_FOUND:
      return CLEAT_NOT_FOUND;
    case AMQP_RESOURCE_LOCKED:
    case AMQP_PRECONDITION_FAILED:
      return CLEAT_CONFLICT;
    case AMQP_CONTENT_TOO_LARGE:
      return CLEAT_TOO_LARGE;
    case AMQP_CONNECTION_FORCED:
    case AMQP_RESOURCE_ERROR:
    case AMQP_INTERNAL_ERROR:
      return CLEAT_UNAVAILABLE;
    default:
      return CLEAT_REMOTE;
  }
}

}  // namespace

std::string text_of(const amqp_bytes_t& bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}

amqp_bytes_t bytes_of(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}

void throw_library(const std::string& what, int status) {
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
    throw closed_error(what, closed->reply_code, text_of(closed->reply_text));
  }
  const auto* closed = static_cast<const amqp_connection_close_t*>(reply.reply.decoded);
  throw closed_error(what, closed->reply_code, text_of(closed->reply_text));
}

Error closed_error(const std::string& what, std::uint16_t code, const std::string& text) {
  return {status_of(code), what + ": " + std::to_string(code) + " " + text, CLEAT_RETRYABLE, code};
}

void AmqpLink::State::frame(const amqp_frame_t& frame, AmqpListener& listener) {
  const Channel channel =
      frame.channel == static_cast<amqp_channel_t>(Channel::aside) ? Channel::aside : Channel::main;
  if (frame.frame_type == AMQP_FRAME_METHOD) {
    method(channel, frame.payload.method, listener);
  } else if (frame.frame_type == AMQP_FRAME_HEADER) {
    header(channel, frame, listener);
  } else if (frame.frame_type == AMQP_FRAME_BODY) {
    body(channel, frame, listener);
  }
}

void AmqpLink::State::method(Channel channel, const amqp_method_t& method, AmqpListener& listener) {
  switch (method.id) {
    case AMQP_BASIC_DELIVER_METHOD: {
      const auto* deliver = static_cast<const amqp_basic_deliver_t*>(method.decoded);
      incoming(channel) = {};
      Message& message = incoming(channel).message;
      message.exchange = text_of(deliver->exchange);
      message.routing_key = text_of(deliver->routing_key);
      message.delivery_tag = deliver->delivery_tag;
      message.redelivered = deliver->redelivered != 0;
      break;
    }
    case AMQP_BASIC_RETURN_METHOD: {
      const auto* returned = static_cast<const amqp_basic_return_t*>(method.decoded);
      incoming(channel) = {};
      incoming(channel).is_return = true;
      incoming(channel).return_reason =
          std::to_string(returned->reply_code) + " " + text_of(returned->reply_text);
      incoming(channel).message.exchange = text_of(returned->exchange);
      incoming(channel).message.routing_key = text_of(returned->routing_key);
      break;
    }
    case AMQP_BASIC_ACK_METHOD: {
      const auto* ack = static_cast<const amqp_basic_ack_t*>(method.decoded);
      listener.on_confirm(channel, ack->delivery_tag, ack->multiple != 0, true);
      break;
    }
    case AMQP_BASIC_NACK_METHOD: {
      const auto* nack = static_cast<const amqp_basic_nack_t*>(method.decoded);
      listener.on_confirm(channel, nack->delivery_tag, nack->multiple != 0, false);
      break;
    }
    case AMQP_CONNECTION_BLOCKED_METHOD:
      listener.on_blocked(true,
                          text_of(static_cast<const amqp_connection_blocked_t*>(method.decoded)->reason));
      break;
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
      listener.on_blocked(false, {});
      break;
    case AMQP_BASIC_CONSUME_OK_METHOD:
      listener.on_consuming();
      break;
    case AMQP_BASIC_CANCEL_OK_METHOD:
      listener.on_cancelled();
      break;
    case AMQP_CHANNEL_FLOW_OK_METHOD:
      listener.on_answer();
      break;
    case AMQP_CHANNEL_OPEN_OK_METHOD: {
      amqp_confirm_select_t confirm{0};
      send(channel, AMQP_CONFIRM_SELECT_METHOD, &confirm);
      break;
    }
    case AMQP_CONFIRM_SELECT_OK_METHOD:
      listener.on_aside_open();
      break;
    case AMQP_BASIC_CANCEL_METHOD:
      throw Error(CLEAT_NOT_FOUND, "the broker cancelled the consumer: its queue was deleted or has moved",
                  CLEAT_RETRYABLE);
    case AMQP_CHANNEL_CLOSE_METHOD:
      close(channel, *static_cast<const amqp_channel_close_t*>(method.decoded), listener);
      break;
    case AMQP_CONNECTION_CLOSE_METHOD: {
      const auto* closed = static_cast<const amqp_connection_close_t*>(method.decoded);
      const Error why =
          closed_error("the broker closed the connection", closed->reply_code, text_of(closed->reply_text));
      is_open = false;
      amqp_connection_close_ok_t farewell{};
      amqp_send_method(connection, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &farewell);
      throw why;
    }
    default:
      break;
  }
}

void AmqpLink::State::close(Channel channel, const amqp_channel_close_t& closed, AmqpListener& listener) {
  const std::string text = text_of(closed.reply_text);
  if (channel == Channel::main) throw closed_error("the broker closed the channel", closed.reply_code, text);
  if (in_message == channel) in_message.reset();
  const Error why = closed_error("the broker refused the message", closed.reply_code, text);
  amqp_channel_close_ok_t agreed{};
  send(channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &agreed);
  amqp_channel_open_t again{};
  send(channel, AMQP_CHANNEL_OPEN_METHOD, &again);
  listener.on_aside_closed(why);
}

void AmqpLink::State::send(Channel channel, amqp_method_number_t id, void* method) {
  check(amqp_send_method(connection, static_cast<amqp_channel_t>(channel), id, method),
        "the connection broke");
}

void AmqpLink::State::header(Channel channel, const amqp_frame_t& frame, AmqpListener& listener) {
  const auto* from = static_cast<const amqp_basic_properties_t*>(frame.payload.properties.decoded);
  Incoming& in = incoming(channel);
  Properties& to = in.message.properties;
  const auto take = [&](amqp_flags_t flag, std::string& place, const amqp_bytes_t& value) {
    if ((from->_flags & flag) != 0) place = text_of(value);
  };
  take(AMQP_BASIC_CONTENT_TYPE_FLAG, to.content_type, from->content_type);
  take(AMQP_BASIC_CONTENT_ENCODING_FLAG, to.content_encoding, from->content_encoding);
  take(AMQP_BASIC_MESSAGE_ID_FLAG, to.message_id, from->message_id);
  take(AMQP_BASIC_CORRELATION_ID_FLAG, to.correlation_id, from->correlation_id);
  take(AMQP_BASIC_REPLY_TO_FLAG, to.reply_to, from->reply_to);
  take(AMQP_BASIC_EXPIRATION_FLAG, to.expiration, from->expiration);
  take(AMQP_BASIC_TYPE_FLAG, to.type, from->type);
  take(AMQP_BASIC_USER_ID_FLAG, to.user_id, from->user_id);
  take(AMQP_BASIC_APP_ID_FLAG, to.app_id, from->app_id);
  if ((from->_flags & AMQP_BASIC_PRIORITY_FLAG) != 0) to.priority = from->priority;
  if ((from->_flags & AMQP_BASIC_DELIVERY_MODE_FLAG) != 0) to.delivery_mode = from->delivery_mode;
  if ((from->_flags & AMQP_BASIC_TIMESTAMP_FLAG) != 0) to.timestamp = from->timestamp;
  if ((from->_flags & AMQP_BASIC_HEADERS_FLAG) != 0) to.headers = table_as_text(from->headers);
  in.missing = frame.payload.properties.body_size;
  in.message.body.reserve(std::min(in.missing, kMostReserved));
  if (in.missing == 0) message_is_whole(channel, listener);
}

void AmqpLink::State::body(Channel channel, const amqp_frame_t& frame, AmqpListener& listener) {
  const amqp_bytes_t& part = frame.payload.body_fragment;
  Incoming& in = incoming(channel);
  in.message.body.append(static_cast<const char*>(part.bytes), part.len);
  in.missing -= std::min<std::uint64_t>(in.missing, part.len);
  if (in.missing == 0) message_is_whole(channel, listener);
}

void AmqpLink::State::message_is_whole(Channel channel, AmqpListener& listener) {
  Incoming whole = std::exchange(incoming(channel), {});
  if (whole.is_return) {
    listener.on_return(channel, whole.return_reason, whole.message);
  } else {
    listener.on_delivery(std::move(whole.message));
  }
}

}  // namespace cleat::rabbitmq
