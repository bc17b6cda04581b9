#include "sqs_config.hpp"

#include <algorithm>
#include <vector>

#include "common/text.hpp"

namespace cleat::sqs {
namespace {

bool is_queue_name(std::string_view text) {
  if (text.size() > 5 && text.substr(text.size() - 5) == ".fifo") text.remove_suffix(5);
  return !text.empty() && text.size() <= 80 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

[[noreturn]] void refuse(const std::string& found) {
  throw Error(
      CLEAT_INVALID,
      "queueName: expected a name of letters, digits, '-' and '_' (with .fifo at its end), the URL of a "
      "queue, or arn:aws:sqs:REGION:ACCOUNT:NAME; found " +
          found);
}

/// "https://sqs.eu-west-1.amazonaws.com/123456789012/orders". One that is none is not repeated: it may hold a password.
QueueName parse_url(std::string_view text) {
  const bool is_plain = std::none_of(text.begin(), text.end(), [](unsigned char c) {
    return c <= 0x20 || c >= 0x7F || c == '@' || c == '?' || c == '#';
  });
  if (!is_plain) refuse("an URL with a user, a query, or more that is none of a queue's");
  QueueName out;
  out.url = text;
  const std::string_view rest = text.substr(text.find("://") + 3);
  const std::vector<std::string_view> parts = common::split_list(rest, '/');
  if (parts.size() < 3 || !is_queue_name(parts.back())) refuse("another URL");
  out.name = parts.back();
  const std::vector<std::string_view> host = common::split_list(parts[0], '.');
  if (host.size() >= 4 && host[0] == "sqs" && host[2] == "amazonaws") out.region = host[1];
  return out;
}

/// `fallback` where the field is none of this direction's.
std::chrono::seconds whole_seconds(const Config& config, const char* field, std::chrono::seconds fallback,
                                   std::chrono::seconds least, std::chrono::seconds most) {
  const std::chrono::nanoseconds given = config.duration(field, fallback);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(given);
  if (given != seconds || seconds < least || seconds > most)
    throw Error(CLEAT_INVALID, std::string(field) + ": expected whole seconds from " +
                                   std::to_string(least.count()) + " to " + std::to_string(most.count()));
  return seconds;
}

}  // namespace

QueueName parse_queue_name(std::string_view text) {
  const std::string lower = common::lower(text.substr(0, 8));
  if (lower.rfind("http://", 0) == 0 || lower.rfind("https://", 0) == 0) return parse_url(text);
  if (text.substr(0, 4) == "arn:") {
    const aws::Arn arn = aws::parse_arn(text);
    if (arn.service != "sqs" || !is_queue_name(arn.resource)) refuse("'" + std::string(text) + "'");
    return {arn.resource, arn.account, arn.region, {}};
  }
  if (!is_queue_name(text))
    refuse(text.find("://") != std::string_view::npos ? "another URL" : "'" + std::string(text) + "'");
  return {std::string(text), {}, {}, {}};
}

SqsConfig parse_config(const Config& config) {
  SqsConfig out;
  out.queue = parse_queue_name(config.text("queueName"));
  if (const std::string owner = config.text("queueOwnerAccountId"); !owner.empty()) {
    if (owner.size() != 12 ||
        !std::all_of(owner.begin(), owner.end(), [](char c) { return c >= '0' && c <= '9'; }))
      throw Error(CLEAT_INVALID,
                  "queueOwnerAccountId: expected the 12 digits of an account, found '" + owner + "'");
    out.queue.account = owner;
  }
  out.aws = aws::parse_settings(config, "sqs", out.queue.region);
  // The URL of a queue says where it is, unless another address is given.
  if (!out.queue.url.empty() && config.text("endpoint").empty())
    out.aws.endpoint = out.queue.url.substr(0, out.queue.url.find('/', out.queue.url.find("://") + 3));
  out.is_base64 = config.text("bodyEncoding") == "base64";
  out.group = config.text("messageGroupId");
  out.visibility = whole_seconds(config, "visibilityTimeout", out.visibility, std::chrono::seconds(1),
                                 std::chrono::hours(12));
  out.wait = whole_seconds(config, "waitTime", out.wait, std::chrono::seconds(0), std::chrono::seconds(20));
  out.linger = std::chrono::duration_cast<std::chrono::milliseconds>(config.duration("linger", out.linger));
  return out;
}

}  // namespace cleat::sqs
