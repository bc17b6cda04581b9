#include "message.hpp"

#include <algorithm>
#include <charconv>

#include "common/aws/message_attributes.hpp"
#include "common/base64.hpp"
#include "common/json_text.hpp"
#include "common/text.hpp"

namespace cleat::sqs {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20U;
constexpr std::int64_t kLongestDelay = 900;

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view each) { return common::equal_ignoring_case(each, name); });
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":";
  common::append_json_string(out, value);
}

/// As a member of an entry; nothing without attributes. How many bytes SQS counts for them.
std::size_t append_attributes(std::string& out, const aws::MessageAttributes& attributes) {
  if (attributes.empty()) return 0;
  std::size_t bytes = 0;
  std::string_view between = ",\"MessageAttributes\":{";
  for (const auto& [name, value] : attributes) {
    out.append(between).append("\"").append(name).append(R"(":{"DataType":"String","StringValue":)");
    common::append_json_string(out, value);
    out += '}';
    bytes += name.size() + std::string_view("String").size() + value.size();
    between = ",";
  }
  out += '}';
  return bytes;
}

std::int64_t delay_of(std::string_view text) {
  std::int64_t seconds = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0 || seconds > kLongestDelay)
    throw Error(CLEAT_INVALID, "metadata 'delaySeconds': expected whole seconds from 0 to 900, found '" +
                                   std::string(text) + "'");
  return seconds;
}

std::string text_of(const common::JsonValue* value) {
  return value != nullptr ? value->text : std::string();
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void take_system(Incoming& out, const common::JsonValue& attributes) {
  for (const auto& [name, value] : attributes.members) {
    if (name == "ApproximateReceiveCount")
      out.receive_count = static_cast<std::uint32_t>(number_of(value.text));
    if (name == "ApproximateFirstReceiveTimestamp") out.first_received_ns = number_of(value.text) * 1'000'000;
    if (name == "MessageGroupId") out.group = value.text;
    out.metadata.emplace_back(name, value.text);
  }
}

/// A text or a number as it is, bytes as they travel: in base64.
void take_attributes(Incoming& out, const common::JsonValue& attributes) {
  for (const auto& [name, value] : attributes.members) {
    const std::string type = text_of(value.find("DataType"));
    std::string text = text_of(value.find(type.rfind("Binary", 0) == 0 ? "BinaryValue" : "StringValue"));
    if (name == "traceparent") {
      out.traceparent = std::move(text);
    } else if (name == "tracestate") {
      out.tracestate = std::move(text);
    } else if (name == "baggage") {
      out.baggage = std::move(text);
    } else {
      if (is_one_of(name, {"contentType", "content-type"})) out.content_type = text;
      out.metadata.emplace_back(name, std::move(text));
    }
  }
}

void check_size(std::size_t bytes) {
  if (bytes > kMostBytes)
    throw Error(CLEAT_TOO_LARGE,
                "SQS takes messages of at most 1048576 bytes, this one has " + std::to_string(bytes));
}

/// As a JSON string. How many bytes SQS counts for it.
std::size_t append_body(std::string& out, std::string_view data, bool is_base64) {
  if (is_base64) {
    // SQS takes no empty body, and readers of base64 skip line ends.
    const std::string encoded = data.empty() ? "\\n" : common::base64(data);
    check_size(encoded.size());
    out.append("\"").append(encoded).append("\"");
    return encoded.size();
  }
  check_size(data.size());
  if (!aws::is_sendable(data))
    throw Error(CLEAT_INVALID,
                data.empty()
                    ? "SQS takes no empty message"
                    : "SQS takes text only, and this is none: bytes travel with bodyEncoding: base64");
  common::append_json_string(out, data);
  return data.size();
}

}  // namespace

Outgoing outgoing_of(const Request& request, const SqsConfig& config) {
  if (request.operation() != "create")
    throw Error(CLEAT_UNSUPPORTED,
                "invalid operation: " + std::string(request.operation()) + ", expected create");
  Outgoing out;
  out.json = "\"MessageBody\":";
  out.bytes = append_body(out.json, request.data(), config.is_base64);
  if (const auto delay = request.metadata("delaySeconds"); delay && !delay->empty())
    out.json += ",\"DelaySeconds\":" + std::to_string(delay_of(*delay));
  const std::string_view group = request.metadata("messageGroupId").value_or(config.group);
  if (!group.empty()) append_member(out.json, "MessageGroupId", group);
  if (config.queue.is_fifo()) {
    if (group.empty())
      throw Error(
          CLEAT_INVALID,
          "messageGroupId: a FIFO queue needs one, in the metadata of the request or of the component");
    // The host's own name for an event that is put aside: written twice, it is there once.
    const auto once = request.metadata("messageDeduplicationId");
    const std::string_view key = once ? *once : request.metadata("cleat-event-id").value_or("");
    if (!key.empty()) append_member(out.json, "MessageDeduplicationId", key);
    out.is_once = !key.empty();
  }
  out.bytes += append_attributes(
      out.json, aws::attributes_of(request, {"delaySeconds", "messageGroupId", "messageDeduplicationId"}));
  return out;
}

std::vector<Incoming> incoming_of(const common::JsonValue& answer, const SqsConfig& config) {
  std::vector<Incoming> out;
  const common::JsonValue* messages = answer.find("Messages");
  if (messages == nullptr) return out;
  for (const common::JsonValue& raw : messages->items) {
    Incoming message;
    message.id = text_of(raw.find("MessageId"));
    message.receipt = text_of(raw.find("ReceiptHandle"));
    if (message.id.empty() || message.receipt.empty()) continue;
    message.body = text_of(raw.find("Body"));
    if (config.is_base64) {
      // What somebody sent without it arrives as it is.
      if (auto bytes = common::from_base64(message.body)) message.body = std::move(*bytes);
    }
    message.metadata.emplace_back("MessageId", message.id);
    if (const auto* system = raw.find("Attributes")) take_system(message, *system);
    if (const auto* attributes = raw.find("MessageAttributes")) take_attributes(message, *attributes);
    out.push_back(std::move(message));
  }
  return out;
}

}  // namespace cleat::sqs
