#include "message.hpp"

#include <array>
#include <charconv>

#include "common/base64.hpp"
#include "common/ttl.hpp"
#include "common/unquote.hpp"
#include "common/xml.hpp"

namespace cleat::storagequeues {
namespace {

constexpr std::size_t kMostBytes = std::size_t{64} << 10U;

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// Azure's dates in the form that Dapr gives them in; what is none stays as it is.
std::string rfc3339(const std::string& date) {
  const auto at = azure::from_http_date(date);
  return at ? azure::iso_date(*at) : date;
}

void add_times(Pairs& to, const common::XmlNode& message) {
  constexpr std::array<std::pair<const char*, const char*>, 3> kTimes{
      {{"insertionTime", "InsertionTime"},
       {"expirationTime", "ExpirationTime"},
       {"nextVisibleTime", "TimeNextVisible"}}};
  for (const auto& [name, element] : kTimes)
    to.emplace_back(name, rfc3339(message.text_of(element)));
}

Message message_of(const common::XmlNode& from, const QueueConfig& config) {
  Message out;
  out.id = from.text_of("MessageId");
  out.receipt = from.text_of("PopReceipt");
  out.body = from.text_of("MessageText");
  if (config.decode_base64) {
    auto decoded = common::from_base64(out.body);
    out.is_not_base64 = !decoded;
    if (decoded) out.body = std::move(*decoded);
  }
  const std::string count = from.text_of("DequeueCount");
  std::from_chars(count.data(), count.data() + count.size(), out.dequeue_count);
  constexpr azure::WallTime kLatest{std::chrono::seconds(9'000'000'000)};
  const auto inserted = azure::from_http_date(from.text_of("InsertionTime"));
  if (inserted && *inserted > azure::WallTime() && *inserted < kLatest)
    out.inserted_wall_ns =
        static_cast<std::uint64_t>(std::chrono::nanoseconds(inserted->time_since_epoch()).count());
  out.metadata = {{"messageID", out.id}, {"popReceipt", out.receipt}};
  add_times(out.metadata, from);
  out.metadata.emplace_back("dequeueCount", count);
  return out;
}

std::chrono::seconds delay_of(const Request& request, const QueueConfig& config) {
  const auto given = request.metadata("initialVisibilityDelay");
  if (!given || given->empty()) return config.initial_delay;
  try {
    return whole_seconds(common::parse_ttl(*given));
  } catch (const Error&) {
    throw Error(CLEAT_INVALID,
                "invalid value for initialVisibilityDelay: expected a duration such as 30s, found '" +
                    std::string(*given) + "'");
  }
}

std::string text_of(const Request& request, const QueueConfig& config) {
  const auto inside =
      config.strict_dapr ? common::go_unquoted(request.data()) : common::unquoted(request.data());
  std::string out = inside ? *inside : std::string(request.data());
  if (config.encode_base64) out = common::base64(out);
  if (out.size() > kMostBytes) {
    throw Error(CLEAT_TOO_LARGE, "a message holds 64 KiB (with encodeBase64 48 KiB), this one would have " +
                                     std::to_string(out.size()) + " bytes");
  }
  if (!common::is_xml_text(out)) {
    throw Error(CLEAT_INVALID,
                "the data is no text that a message can hold: expected UTF-8 without control characters, or "
                "encodeBase64: true and a reader that decodes");
  }
  return out;
}

}  // namespace

std::optional<std::vector<Message>> messages_of(std::string_view answer, const QueueConfig& config) {
  const auto list = common::parse_xml(answer);
  if (!list || list->name != "QueueMessagesList") return std::nullopt;
  std::vector<Message> out;
  for (const common::XmlNode& each : list->children)
    out.push_back(message_of(each, config));
  return out;
}

azure::ServiceRequest put_of(const Request& request, const QueueConfig& config) {
  azure::ServiceRequest out;
  out.what = "Put Message";
  out.path = "/messages";
  out.method = "POST";
  const auto asked = common::ttl_of(request);
  const auto ttl = asked ? std::optional(whole_seconds(*asked)) : config.ttl;
  // -1: it never ends. Without it Azure would drop the message after seven days.
  out.query.emplace_back("messagettl", ttl ? std::to_string(ttl->count()) : "-1");
  const std::chrono::seconds delay = delay_of(request, config);
  if (delay.count() > 0) out.query.emplace_back("visibilitytimeout", std::to_string(delay.count()));
  out.headers.push_back({"Content-Type", "application/xml"});
  out.body = "<QueueMessage><MessageText>";
  common::append_xml_text(out.body, text_of(request, config));
  out.body += "</MessageText></QueueMessage>";
  out.tag = request.id();
  return out;
}

std::optional<Pairs> put_metadata(const common::HttpResponse& answer) {
  const auto list = answer.status == 201 ? common::parse_xml(answer.body) : std::nullopt;
  const common::XmlNode* const message = list ? list->find("QueueMessage") : nullptr;
  if (message == nullptr || message->text_of("MessageId").empty()) return std::nullopt;
  Pairs out;
  out.emplace_back("messageID", message->text_of("MessageId"));
  add_times(out, *message);
  return out;
}

}  // namespace cleat::storagequeues
