#include "publication.hpp"

#include <stdexcept>
#include <string_view>

#include "common/aws/message_attributes.hpp"
#include "common/aws/settings.hpp"
#include "common/json_value.hpp"

namespace cleat::sns {
namespace {

using Kind = common::JsonValue::Kind;

constexpr std::size_t kMostBytes = std::size_t{256} << 10U;

void append_field(std::string& out, std::string_view name, std::string_view value) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  out.append("&").append(name).append("=");
  for (const char c : value) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '-' || c == '_' || c == '.' || c == '~';
    if (is_plain) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
    }
  }
}

/// A text as what it stands for, anything else as the JSON that it is; empty if it is null or not there.
std::string text_of(const common::JsonValue& object, std::string_view name) {
  const common::JsonValue* found = object.find(name);
  if (found == nullptr || found->kind == Kind::null) return {};
  return found->kind == Kind::text ? found->text : std::string(found->raw);
}

common::JsonValue parse(std::string_view data) {
  try {
    common::JsonValue value = common::parse_json(data);
    if (value.kind == Kind::object) return value;
  } catch (const std::invalid_argument& error) {
    throw Error(CLEAT_INVALID,
                R"(data: expected {"message": ..., "subject": ...} in JSON; )" + std::string(error.what()));
  }
  throw Error(CLEAT_INVALID, R"(data: expected {"message": ..., "subject": ...} in JSON, found no object)");
}

/// Of a FIFO topic.
void append_order(std::string& form, bool& is_once, const Request& request, const SnsConfig& config) {
  const std::string_view group = request.metadata("messageGroupId").value_or(config.group);
  if (!group.empty()) append_field(form, "MessageGroupId", group);
  const std::string_view arn = config.topic_arn;
  if (arn.size() < 5 || arn.substr(arn.size() - 5) != ".fifo") return;
  if (group.empty())
    throw Error(CLEAT_INVALID,
                "messageGroupId: a FIFO topic needs one, in the metadata of the request or of the component");
  // The host's own name for an event that is put aside: written twice, it is there once.
  const auto once = request.metadata("messageDeduplicationId");
  const std::string_view key = once ? *once : request.metadata("cleat-event-id").value_or("");
  if (!key.empty()) append_field(form, "MessageDeduplicationId", key);
  is_once = !key.empty();
}

}  // namespace

Publication publication_of(const Request& request, const SnsConfig& config) {
  if (request.operation() != "create")
    throw Error(CLEAT_UNSUPPORTED,
                "invalid operation: " + std::string(request.operation()) + ", expected create");
  const common::JsonValue data = parse(request.data());
  const std::string message = text_of(data, "message"), subject = text_of(data, "subject");
  if (message.empty()) throw Error(CLEAT_INVALID, "data: expected a message that is not empty, found none");
  if (message.size() > kMostBytes)
    throw Error(CLEAT_TOO_LARGE,
                "SNS takes messages of at most 262144 bytes, this one has " + std::to_string(message.size()));
  if (!aws::is_sendable(message))
    throw Error(CLEAT_INVALID, "data: expected a message of text, found characters that SNS does not carry");
  Publication out;
  out.form = "Action=Publish&Version=2010-03-31";
  append_field(out.form, "TopicArn", config.topic_arn);
  append_field(out.form, "Message", message);
  if (!subject.empty()) append_field(out.form, "Subject", subject);
  if (const auto structure = request.metadata("messageStructure"); structure && !structure->empty())
    append_field(out.form, "MessageStructure", *structure);
  append_order(out.form, out.is_once, request, config);
  const aws::MessageAttributes attributes =
      aws::attributes_of(request, {"messageGroupId", "messageDeduplicationId", "messageStructure"});
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    const std::string entry = "MessageAttributes.entry." + std::to_string(i + 1);
    append_field(out.form, entry + ".Name", attributes[i].first);
    append_field(out.form, entry + ".Value.DataType", "String");
    append_field(out.form, entry + ".Value.StringValue", attributes[i].second);
  }
  return out;
}

}  // namespace cleat::sns
