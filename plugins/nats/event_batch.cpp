#include "event_batch.hpp"

#include "common/text.hpp"
#include "wire.hpp"

namespace cleat::nats {
namespace {

std::string_view data_of_shared(const std::shared_ptr<natsMsg>& message) {
  const int size = natsMsg_GetDataLength(message.get());
  return size <= 0 ? std::string_view()
                   : std::string_view(natsMsg_GetData(message.get()), static_cast<std::size_t>(size));
}

}  // namespace

void EventBatch::clear() {
  for (Event& one : events_) {
    // What the host did not take is still ours.
    const Buffer mine(one.event.data);
  }
  events_.clear();
}

void EventBatch::add_own(const Item& item, Event& made) {
  const char* subject = natsMsg_GetSubject(item.message.get());
  made.metadata.push_back({str("subject"), str(subject)});
  made.event.key = str(subject);
  const char* reply = natsMsg_GetReply(item.message.get());
  const auto address = reply == nullptr ? std::nullopt : parse_ack_address(reply);
  if (item.ack.empty() || !address) {
    if (reply != nullptr) made.metadata.push_back({str("reply"), str(reply)});
    return;
  }
  made.own = {std::to_string(address->sequence),
              std::to_string(address->consumer_sequence),
              std::to_string(address->delivered),
              std::to_string(address->stored_ns / 1'000'000),
              std::to_string(address->pending),
              std::string(address->stream) + "@" + std::to_string(address->sequence)};
  made.metadata.insert(made.metadata.end(), {{str("stream"), str(address->stream)},
                                             {str("consumer"), str(address->consumer)},
                                             {str("sequence"), str(made.own[0])},
                                             {str("consumerSequence"), str(made.own[1])},
                                             {str("deliveryCount"), str(made.own[2])},
                                             {str("timestamp"), str(made.own[3])},
                                             {str("pending"), str(made.own[4])}});
  made.event.source_id = str(made.own[5]);
  made.event.delivery_count = static_cast<std::uint32_t>(address->delivered);
}

void EventBatch::add(const Item& item, std::uint64_t id) {
  Event& made = events_.emplace_back();
  cleat_event& event = made.event;
  event.struct_size = sizeof event;
  event.id = id;
  made.headers = headers_of(item.message.get());
  made.metadata.reserve(8 + made.headers.size());
  add_own(item, made);
  for (const auto& [name, value] : made.headers) {
    made.metadata.push_back({str(name), str(value)});
    if (common::equal_ignoring_case(name, "Content-Type")) event.content_type = str(value);
    if (common::equal_ignoring_case(name, "traceparent")) event.traceparent = str(value);
    if (common::equal_ignoring_case(name, "tracestate")) event.tracestate = str(value);
    if (common::equal_ignoring_case(name, "baggage")) event.baggage = str(value);
  }
  event.metadata = {made.metadata.data(), made.metadata.size()};
  event.data = Buffer::of(item.message, data_of_shared).take();
}

cleat_event* const* EventBatch::pointers() {
  pointers_.clear();
  for (Event& one : events_)
    pointers_.push_back(&one.event);
  return pointers_.data();
}

}  // namespace cleat::nats
