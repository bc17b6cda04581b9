#include "pubsub_config.hpp"

#include <algorithm>
#include <vector>

#include "common/text.hpp"
#include "common/tls.hpp"

namespace cleat::pubsub {
namespace {

constexpr std::chrono::seconds kLeast{10}, kMost{600};

/// As the service has them, so that none of it has a meaning of its own in a URL.
bool is_name(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return text.size() >= 3 && text.size() <= 255 && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') ||
                  std::string_view("-_.~+%").find(c) != std::string_view::npos;
         });
}

/// "shop-1234", or "example.com:shop" of an old one.
bool is_project(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':';
  });
}

}  // namespace

std::string full_name(std::string_view name, std::string_view collection, const std::string& project,
                      const std::string& field) {
  if (is_name(name)) return "projects/" + project + "/" + std::string(collection) + "/" + std::string(name);
  const std::vector<std::string_view> parts = common::split_list(name, '/');
  const bool is_full = parts.size() == 4 && parts[0] == "projects" && is_project(parts[1]) &&
                       parts[2] == collection && is_name(parts[3]);
  if (!is_full) {
    throw Error(CLEAT_INVALID, field +
                                   ": expected a name of 3 to 255 letters, digits and -_.~+%, which begins "
                                   "with a letter, or projects/PROJECT/" +
                                   std::string(collection) + "/NAME; found '" + std::string(name) + "'");
  }
  return "projects/" + std::string(parts[1]) + "/" + std::string(collection) + "/" + std::string(parts[3]);
}

PubSubConfig parse_config(const Config& config) {
  PubSubConfig out;
  out.project = config.text("projectID");
  if (!is_project(out.project))
    throw Error(CLEAT_INVALID,
                "projectID: expected the id of a project, such as shop-1234, found '" + out.project + "'");
  if (const std::string topic = config.text("topic"); !topic.empty())
    out.topic = full_name(topic, "topics", out.project, "topic");
  if (const std::string subscription = config.text("subscription"); !subscription.empty())
    out.subscription = full_name(subscription, "subscriptions", out.project, "subscription");
  out.place = google::place_of(config, "PUBSUB_EMULATOR_HOST", "https://pubsub.googleapis.com");
  out.ca = config.text("caCert");
  common::check_pem({out.ca, {}, {}}, false);
  out.ordering_key = config.text("orderingKey");
  out.linger = std::chrono::duration_cast<std::chrono::milliseconds>(config.duration("linger", out.linger));
  if (config.get("ackDeadline")) {
    const std::chrono::nanoseconds given = config.duration("ackDeadline");
    out.ack_deadline = std::chrono::duration_cast<std::chrono::seconds>(given);
    if (given != out.ack_deadline || out.ack_deadline < kLeast || out.ack_deadline > kMost)
      throw Error(CLEAT_INVALID, "ackDeadline: expected whole seconds from 10 to 600");
  }
  out.wants_dead_letters = config.fact("dead-letter") == "broker";
  return out;
}

}  // namespace cleat::pubsub
