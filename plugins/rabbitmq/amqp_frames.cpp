#include <amqp.h>
#include <amqp_framing.h>

#include <algorithm>
#include <utility>

#include "amqp_state.hpp"
#include "amqp_table.hpp"

namespace cleat::rabbitmq {
namespace {

cleat_status status_of(std::uint16_t code) {
  switch (code) {
    case 403:
      return CLEAT_DENIED;
    case 404:
      return CLEAT_NOT_FOUND;
    case 405:
    case 406:
      return CLEAT_CONFLICT;
    case 311:
      return CLEAT_TOO_LARGE;
    case 320:
    case 506:
    case 541:
      return CLEAT_UNAVAILABLE;
    default:
      return CLEAT_REMOTE;
  }
}

}  // namespace

std::string text_of(const amqp_bytes_t& bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}

[[noreturn]] void throw_closed(const std::string& what, std::uint16_t code, const std::string& text) {
  throw Error(status_of(code), what + ": " + std::to_string(code) + " " + text, CLEAT_RETRYABLE, code);
}

void AmqpLink::State::method(const amqp_method_t& method, const AmqpEvents& events) {
  switch (method.id) {
    case AMQP_BASIC_DELIVER_METHOD: {
      const auto* deliver = static_cast<const amqp_basic_deliver_t*>(method.decoded);
      incoming = {text_of(deliver->exchange),
                  text_of(deliver->routing_key),
                  deliver->delivery_tag,
                  deliver->redelivered != 0,
                  {},
                  {}};
      is_return = false;
      break;
    }
    case AMQP_BASIC_RETURN_METHOD: {
      const auto* returned = static_cast<const amqp_basic_return_t*>(method.decoded);
      incoming = {text_of(returned->exchange), text_of(returned->routing_key), 0, false, {}, {}};
      is_return = true;
      return_reason = std::to_string(returned->reply_code) + " " + text_of(returned->reply_text);
      break;
    }
    case AMQP_BASIC_ACK_METHOD: {
      const auto* ack = static_cast<const amqp_basic_ack_t*>(method.decoded);
      events.confirmed(ack->delivery_tag, ack->multiple != 0, true);
      break;
    }
    case AMQP_BASIC_NACK_METHOD: {
      const auto* nack = static_cast<const amqp_basic_nack_t*>(method.decoded);
      events.confirmed(nack->delivery_tag, nack->multiple != 0, false);
      break;
    }
    case AMQP_CONNECTION_BLOCKED_METHOD:
      events.blocked(true, text_of(static_cast<const amqp_connection_blocked_t*>(method.decoded)->reason));
      break;
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
      events.blocked(false, {});
      break;
    case AMQP_BASIC_CANCEL_METHOD:
      throw Error(CLEAT_NOT_FOUND, "the broker cancelled the consumer: its queue was deleted or has moved",
                  CLEAT_RETRYABLE);
    case AMQP_CHANNEL_CLOSE_METHOD: {
      const auto* closed = static_cast<const amqp_channel_close_t*>(method.decoded);
      throw_closed("the broker closed the channel", closed->reply_code, text_of(closed->reply_text));
    }
    case AMQP_CONNECTION_CLOSE_METHOD: {
      const auto* closed = static_cast<const amqp_connection_close_t*>(method.decoded);
      throw_closed("the broker closed the connection", closed->reply_code, text_of(closed->reply_text));
    }
    default:
      break;
  }
}

void AmqpLink::State::header(const amqp_frame_t& frame, const AmqpEvents& events) {
  const auto* from = static_cast<const amqp_basic_properties_t*>(frame.payload.properties.decoded);
  Properties& to = incoming.properties;
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
  missing = frame.payload.properties.body_size;
  incoming.body.reserve(missing);
  if (missing == 0) message_is_whole(events);
}

void AmqpLink::State::body(const amqp_frame_t& frame, const AmqpEvents& events) {
  const amqp_bytes_t& part = frame.payload.body_fragment;
  incoming.body.append(static_cast<const char*>(part.bytes), part.len);
  missing -= std::min<std::uint64_t>(missing, part.len);
  if (missing == 0) message_is_whole(events);
}

void AmqpLink::State::message_is_whole(const AmqpEvents& events) {
  Message whole = std::exchange(incoming, {});
  if (is_return) {
    events.returned(return_reason, std::move(whole));
  } else {
    events.delivered(std::move(whole));
  }
}

}  // namespace cleat::rabbitmq
