#include "event.hpp"

#include <utility>

#include "common/base64.hpp"

namespace cleat::mqtt {
namespace {

constexpr std::size_t kOwnEntries = 6;

}  // namespace

Event::Event(MessagePtr message, std::uint64_t id, std::string name)
    : message_(std::move(message)), name_(std::move(name)) {
  const Message& from = *message_;
  map_.reserve(kOwnEntries + from.user.size());
  add("topic", from.topic);
  add("qos", from.qos == 0 ? "0" : "1");
  add("retained", from.retained ? "true" : "false");
  if (!from.response_topic.empty()) add("responseTopic", from.response_topic);
  if (from.correlation_data && is_plain_text(*from.correlation_data)) {
    add("correlationData", *from.correlation_data);
  } else if (from.correlation_data) {
    correlation_ = common::base64(*from.correlation_data);
    add("correlationDataBase64", correlation_);
  }
  if (from.expiry_s) {
    expiry_ = std::to_string(*from.expiry_s);
    add("messageExpiryInterval", expiry_);
  }
  raw_.struct_size = sizeof raw_;
  for (const auto& [key, value] : from.user) {
    if (key == "traceparent") raw_.traceparent = str(value);
    if (key == "tracestate") raw_.tracestate = str(value);
    if (key == "baggage") raw_.baggage = str(value);
    if (!key.empty()) add(key, value);
  }
  raw_.id = id;
  raw_.content_type = str(from.content_type);
  raw_.source_id = str(name_);
  raw_.metadata = {map_.data(), map_.size()};
  raw_.data =
      Buffer::of(message_, [](const MessagePtr& held) { return std::string_view(held->payload); }).take();
}

}  // namespace cleat::mqtt
