#include "message.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "common/base64.hpp"
#include "common/grpc_metadata.hpp"
#include "common/json_text.hpp"
#include "common/text.hpp"

namespace cleat::pubsub {
namespace {

using common::JsonValue;

constexpr std::size_t kMostAttributes = 100, kMostNameBytes = 256, kMostValueBytes = 1024,
                      kMostKeyBytes = 1024;
/// Beside names and values: tags and lengths, and what the service adds (id and time).
constexpr std::size_t kFrameBytes = 64, kEntryBytes = 12;

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view each) { return common::equal_ignoring_case(each, name); });
}

class Attributes {
 public:
  /// Throws Error for what cannot be one.
  void add(std::string_view name, std::string_view value) {
    const std::string what = "metadata '" + std::string(name) + "': ";
    if (name.empty() || name.size() > kMostNameBytes || common::lower(name.substr(0, 4)) == "goog" ||
        !common::is_utf8(name))
      throw Error(
          CLEAT_INVALID,
          what +
              "expected a name of 1 to 256 bytes that does not begin with goog: it is sent as an attribute");
    if (value.size() > kMostValueBytes || !common::is_utf8(value))
      throw Error(CLEAT_INVALID, what + "expected UTF-8 of at most 1024 bytes, it is sent as an attribute");
    if (is_full())
      throw Error(CLEAT_INVALID, "metadata: expected at most 100 entries that become attributes, found more");
    put(name, value);
  }
  /// Left out where it cannot be one.
  void try_to_add(std::string_view name, std::string_view value) {
    const bool is_good = name.size() <= kMostNameBytes && common::is_utf8(name) &&
                         value.size() <= kMostValueBytes && common::is_utf8(value);
    if (is_good && !is_full()) put(name, value);
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] const std::string& members() const { return members_; }

 private:
  [[nodiscard]] bool is_full() const { return count_ == kMostAttributes; }
  void put(std::string_view name, std::string_view value) {
    if (count_++ != 0) members_ += ',';
    common::append_json_string(members_, name);
    members_ += ':';
    common::append_json_string(members_, value);
    bytes_ += name.size() + value.size() + kEntryBytes;
  }
  std::string members_;
  std::size_t count_ = 0, bytes_ = 0;
};

Attributes attributes_of(const Request& request) {
  Attributes out;
  const std::array<std::pair<std::string_view, cleat_str>, 3> trace{
      {{"traceparent", request.raw().traceparent},
       {"tracestate", request.raw().tracestate},
       {"baggage", request.raw().baggage}}};
  const cleat_map& metadata = request.raw().metadata;
  for (std::size_t i = 0; i < metadata.count; ++i) {
    const std::string_view name = view(metadata.items[i].key), value = view(metadata.items[i].value);
    const bool is_ours = is_one_of(name, {"topic", "orderingKey", "traceparent", "tracestate", "baggage"});
    if (is_ours || common::is_of_grpc(name, value)) continue;
    // Of a dead letter: what its source said, which must not keep it from being put aside.
    if (name.rfind("cleat-src-", 0) == 0) {
      out.try_to_add(name, value);
    } else {
      out.add(name, value);
    }
  }
  for (const auto& [name, value] : trace) {
    if (value.len != 0) out.try_to_add(name, view(value));
  }
  return out;
}

std::string text_of(const JsonValue& from, std::string_view name) {
  const JsonValue* const found = from.find(name);
  return found != nullptr ? found->text : std::string();
}

void take_attribute(Incoming& out, const std::string& name, const std::string& value) {
  // Google's client libraries carry a trace under names of their own.
  const std::string_view plain = name.rfind("googclient_", 0) == 0 ? std::string_view(name).substr(11) : name;
  std::string* const trace = plain == "traceparent"  ? &out.traceparent
                             : plain == "tracestate" ? &out.tracestate
                             : plain == "baggage"    ? &out.baggage
                                                     : nullptr;
  if (trace != nullptr) {
    if (trace->empty() || plain.size() == name.size()) *trace = value;
    return;
  }
  if (is_one_of(name, {"contentType", "content-type"})) out.content_type = value;
  out.metadata.emplace_back(name, value);
}

}  // namespace

Outgoing outgoing_of(const Request& request, const PubSubConfig& config) {
  if (request.operation() != "create")
    throw Error(CLEAT_UNSUPPORTED,
                "invalid operation: " + std::string(request.operation()) + ", expected create");
  Outgoing out;
  const std::string_view topic = request.metadata("topic").value_or("");
  out.topic = topic.empty() ? config.topic : full_name(topic, "topics", config.project, "metadata 'topic'");
  if (out.topic.empty())
    throw Error(CLEAT_INVALID, "topic: expected one, in the metadata of the request or of the component");
  out.key = request.metadata("orderingKey").value_or(config.ordering_key);
  if (out.key.size() > kMostKeyBytes || !common::is_utf8(out.key))
    throw Error(CLEAT_INVALID, "orderingKey: expected UTF-8 of at most 1024 bytes");
  const Attributes attributes = attributes_of(request);
  const std::string_view data = request.data();
  if (data.empty() && attributes.count() == 0)
    throw Error(CLEAT_INVALID, "Pub/Sub takes no message without data and without attributes");
  out.bytes = kFrameBytes + out.topic.size() + data.size() + out.key.size() + attributes.bytes();
  if (out.bytes > kMostBytes)
    throw Error(CLEAT_TOO_LARGE, "Pub/Sub takes messages of at most 10000000 bytes, this one has " +
                                     std::to_string(out.bytes) + " with its attributes");
  out.json = "{\"data\":\"" + common::base64(data) + "\"";
  if (attributes.count() != 0) out.json += ",\"attributes\":{" + attributes.members() + "}";
  if (!out.key.empty()) out.json += ",\"orderingKey\":" + common::json_string(out.key);
  out.json += '}';
  return out;
}

std::string go_time(std::string_view text) {
  constexpr std::size_t kSeconds = std::string_view("2026-11-28T19:03:06").size();
  if (text.size() <= kSeconds || text[10] != 'T' || text.back() != 'Z') return std::string(text);
  std::string_view fraction = text.substr(kSeconds, text.size() - kSeconds - 1);
  while (!fraction.empty() && (fraction.back() == '0' || fraction.back() == '.'))
    fraction.remove_suffix(1);
  return std::string(text.substr(0, 10)) + " " + std::string(text.substr(11, kSeconds - 11)) +
         std::string(fraction) + " +0000 UTC";
}

std::vector<Incoming> incoming_of(const JsonValue& answer) {
  std::vector<Incoming> out;
  const JsonValue* const messages = answer.find("receivedMessages");
  if (messages == nullptr) return out;
  for (const JsonValue& raw : messages->items) {
    const JsonValue* const message = raw.find("message");
    Incoming one;
    one.ack_id = text_of(raw, "ackId");
    if (one.ack_id.empty() || message == nullptr) continue;
    one.id = text_of(*message, "messageId");
    one.key = text_of(*message, "orderingKey");
    const std::string data = text_of(*message, "data");
    auto bytes = common::from_base64(data);
    one.body = bytes ? std::move(*bytes) : data;
    one.metadata = {{"id", one.id}, {"publishTime", go_time(text_of(*message, "publishTime"))}};
    if (!one.key.empty()) one.metadata.emplace_back("orderingKey", one.key);
    if (const JsonValue* const attempt = raw.find("deliveryAttempt"); attempt != nullptr) {
      std::from_chars(attempt->raw.data(), attempt->raw.data() + attempt->raw.size(), one.delivery_attempt);
      if (one.delivery_attempt != 0)
        one.metadata.emplace_back("deliveryAttempt", std::to_string(one.delivery_attempt));
    }
    if (const JsonValue* const attributes = message->find("attributes"); attributes != nullptr) {
      for (const auto& [name, value] : attributes->members)
        take_attribute(one, name, value.text);
    }
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace cleat::pubsub
