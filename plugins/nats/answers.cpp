#include "answers.hpp"

namespace cleat::nats {
namespace {

// JetStream's numbers (server/errors.json).
constexpr int kNotAvailable = 10008, kInsufficientResources = 10023, kMemoryExceeded = 10028,
              kStorageExceeded = 10047, kTooLarge = 10054, kExpectedStream = 10060, kExpectedSequence = 10063,
              kLastId = 10070, kLastSequence = 10071, kStoreFailed = 10077, kSealed = 10109, kNoHeaders = 503;

cleat_status status_of_kind(int kind, int code) {
  switch (kind) {
    case kTooLarge:
      return CLEAT_TOO_LARGE;
    case kExpectedStream:
    case kExpectedSequence:
    case kLastId:
    case kLastSequence:
      return CLEAT_CONFLICT;
    case kSealed:
      return CLEAT_DENIED;
    case kInsufficientResources:
    case kMemoryExceeded:
    case kStorageExceeded:
    case kStoreFailed:  // also a stream that is full and discards what is new
      return CLEAT_THROTTLED;
    case kNotAvailable:
      return CLEAT_UNAVAILABLE;
    default:
      return code == kNoHeaders ? CLEAT_UNAVAILABLE : CLEAT_REMOTE;
  }
}

}  // namespace

CallFailure not_sent(cleat_status status, const std::string& why) {
  return {status, why, CLEAT_RETRYABLE, 0};
}

CallFailure unknown_outcome(cleat_status status, const std::string& why, const Outgoing& message) {
  if (message.has_id)
    return {status,
            why + "; it may be stored: with the same msgId it is stored once, however often it is sent",
            CLEAT_RETRYABLE, 0};
  const char* rest = message.kind == Kind::request ? "; somebody may have worked on it"
                     : message.kind == Kind::store
                         ? "; it may be stored, and would be stored twice if it is sent again"
                         : "; it may have gone out";
  return {status, why + rest, 0, 0};
}

CallFailure refused_by_stream(const PubAck& ack, const std::string& subject) {
  const cleat_status status = status_of_kind(ack.error_kind, ack.error_code);
  const bool may_help = status == CLEAT_THROTTLED || status == CLEAT_UNAVAILABLE;
  return {status, "the stream refused the message to '" + subject + "': " + ack.error,
          may_help ? CLEAT_RETRYABLE : 0U, ack.error_kind};
}

CallFailure no_responders(const Outgoing& message) {
  if (message.kind == Kind::request)
    return not_sent(CLEAT_UNAVAILABLE, "nobody listens on '" + message.subject + "' to answer the request");
  return not_sent(
      CLEAT_NOT_FOUND,
      "no stream takes '" + message.subject +
          "' now: make one whose subjects it matches, or set jetstream to false to publish without");
}

void complete_with(Call& call, const Outgoing& message, Message answer) {
  const auto fail = [&](const CallFailure& failure) {
    call.fail(failure.status, failure.text, failure.flags, failure.native);
  };
  const ServerStatus status = status_of(answer);
  if (status.code == 503) return fail(no_responders(message));
  Response response;
  if (message.kind == Kind::store) {
    const auto ack = parse_pub_ack(data_of(answer));
    if (!ack)
      return fail(
          {CLEAT_REMOTE, "what answers on '" + message.subject + "' is no stream of JetStream", 0, 0});
    if (ack->is_error()) return fail(refused_by_stream(*ack, message.subject));
    response.metadata = {{"stream", ack->stream},
                         {"sequence", std::to_string(ack->sequence)},
                         {"duplicate", ack->is_duplicate ? "true" : "false"}};
    return call.complete(std::move(response));
  }
  for (auto& header : headers_of(answer.get())) {
    if (header.first == "Content-Type") response.content_type = header.second;
    response.metadata.push_back(std::move(header));
  }
  response.data = Buffer::of(std::move(answer), [](const Message& held) { return data_of(held); });
  call.complete(std::move(response));
}

}  // namespace cleat::nats
