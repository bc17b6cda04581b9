#include "message.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>

#include "common/text.hpp"
#include "common/ttl.hpp"

namespace cleat::rabbitmq {
namespace {

constexpr std::size_t kLongestName = 255;  // AMQP's short string

std::string short_text(std::string_view name, std::string_view value) {
  if (value.size() > kLongestName) {
    throw Error(CLEAT_INVALID,
                std::string(name) + ": expected at most 255 bytes, found " + std::to_string(value.size()));
  }
  return std::string(value);
}

std::string expiration_of(const Request& request) {
  std::optional<std::chrono::nanoseconds> ttl;
  try {
    ttl = common::ttl_of(request);
  } catch (const Error& error) {
    throw Error(error.status, std::string("failed to get TTL: ") + error.what());
  }
  if (!ttl) return {};
  // The broker counts in milliseconds and takes no more than 32 bits.
  const std::int64_t ms =
      std::chrono::ceil<std::chrono::milliseconds>(std::min(*ttl, ttl->max() - std::chrono::milliseconds(1)))
          .count();
  return std::to_string(std::clamp<std::int64_t>(ms, 0, 4'294'967'295));
}

std::string query_escaped(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          (c != '\0' && std::strchr("-_.~", c) != nullptr);
    if (is_plain) {
      out.push_back(c);
    } else if (c == ' ') {
      out.push_back('+');
    } else {
      out.push_back('%');
      out.push_back(kDigits[byte >> 4U]);
      out.push_back(kDigits[byte & 0xFU]);
    }
  }
  return out;
}

}  // namespace

Outgoing outgoing_of(const Request& request, const OutgoingDefaults& defaults) {
  Outgoing out;
  const auto value = [&](std::string_view name, std::string_view fallback = {}) {
    return short_text(name, request.metadata(name).value_or(fallback));
  };
  out.exchange = value("exchange", defaults.exchange);
  out.routing_key = value("routingKey", defaults.routing_key);
  Properties& properties = out.properties;
  properties.content_type = value("contentType", defaults.content_type);
  properties.message_id = value("messageID");
  properties.correlation_id = value("correlationID");
  properties.type = value("type");
  properties.reply_to = value("replyTo");
  properties.expiration = expiration_of(request);
  properties.priority = common::priority_of(request);
  properties.delivery_mode = 2;
  const cleat_map& metadata = request.raw().metadata;
  for (std::size_t i = 0; i < metadata.count; ++i)
    properties.headers.emplace_back(short_text("metadata", view(metadata.items[i].key)),
                                    view(metadata.items[i].value));
  out.body = request.data();
  return out;
}

Pairs metadata_of(const Message& message, bool escape) {
  const Properties& properties = message.properties;
  Pairs out;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) out.emplace_back(name, value);
  };
  add("messageID", properties.message_id);
  add("correlationID", properties.correlation_id);
  add("contentType", properties.content_type);
  add("contentEncoding", properties.content_encoding);
  add("type", properties.type);
  add("replyTo", properties.reply_to);
  add("expiration", properties.expiration);
  add("userID", properties.user_id);
  add("appID", properties.app_id);
  if (properties.timestamp) out.emplace_back("timestamp", std::to_string(*properties.timestamp));
  if (properties.priority) out.emplace_back("priority", std::to_string(*properties.priority));
  out.emplace_back("exchange", message.exchange);
  out.emplace_back("routingKey", message.routing_key);
  out.emplace_back("redelivered", message.redelivered ? "true" : "false");
  if (const auto count = delivery_count_of(message))
    out.emplace_back("deliveryCount", std::to_string(*count));
  for (const auto& [name, text] : properties.headers)
    out.emplace_back(escape ? query_escaped(name) : name, text);
  return out;
}

std::optional<std::uint64_t> delivery_count_of(const Message& message) {
  for (const auto& [name, text] : message.properties.headers) {
    if (name != "x-delivery-count") continue;
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error == std::errc() && end == text.data() + text.size()) return count;
  }
  return std::nullopt;
}

}  // namespace cleat::rabbitmq
