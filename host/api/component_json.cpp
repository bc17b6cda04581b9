#include "api/component_json.hpp"

#include <algorithm>

namespace cleat {
namespace {

// The clock may have been set back since.
std::uint64_t age(std::uint64_t then_wall_ns, std::uint64_t now_wall_ns) {
  return now_wall_ns > then_wall_ns ? now_wall_ns - then_wall_ns : 0;
}

void write_time(JsonWriter& writer, std::string_view name, std::uint64_t wall_ns) {
  if (wall_ns != 0) writer.member(name, format_wall_ns(wall_ns));
}

void write_text(JsonWriter& writer, std::string_view name, std::string_view text) {
  if (!text.empty()) writer.member(name, text);
}

bool is_input(const ComponentView& component) {
  const auto& all = component.capabilities;
  return std::find(all.begin(), all.end(), "INPUT_BINDING") != all.end();
}

void write_last_error(JsonWriter& writer, const ComponentView& component) {
  if (component.last_error.empty()) return;
  writer.open_member("lastError", '{');
  writer.member("text", component.last_error);
  write_time(writer, "at", component.last_error_wall_ns);
  writer.close('}');
}

// The metadata document had "oldestUnsettled" and "delivered" before there was more to tell; its readers keep them.
void write_trouble(JsonWriter& writer, const DeliveryView& delivery, ComponentDocument document,
                   std::uint64_t now_wall_ns) {
  if (document == ComponentDocument::metadata) {
    writer.member("delivered", delivery.attempts);
    return write_text(writer, "oldestUnsettled", delivery.troubled_event);
  }
  writer.member("attempts", delivery.attempts);
  write_text(writer, "troubledEvent", delivery.troubled_event);
  if (delivery.oldest_seen_wall_ns == 0) return;
  writer.open_member("oldestUnsettled", '{');
  write_time(writer, "at", delivery.oldest_seen_wall_ns);
  writer.seconds("ageSeconds", age(delivery.oldest_seen_wall_ns, now_wall_ns));
  writer.close('}');
}

void write_delivery(JsonWriter& writer, const ComponentView& component) {
  const DeliveryView& delivery = component.delivery;
  const std::pair<std::string_view, std::uint64_t> counts[] = {
      {"inFlight", delivery.in_flight},
      {"waiting", delivery.waiting},
      {"held", delivery.held},
      {"blocked", delivery.blocked},
      {"unsettled", component.unsettled},
      {"acked", delivery.acked},
      {"failedAttempts", delivery.failed_attempts},
      {"dropped", delivery.dropped},
      {"deadLettered", delivery.dead_lettered},
      {"handedBack", delivery.handed_back},
      {"abandoned", delivery.abandoned},
      {"repliesFailed", delivery.replies_failed},
  };
  for (const auto& [name, count] : counts)
    writer.member(name, count);
  writer.seconds("longestRunningSeconds", delivery.longest_running_ns);
  write_time(writer, "lastSuccess", delivery.last_success_wall_ns);
}

void write_details(JsonWriter& writer, const Pairs& details) {
  if (details.empty()) return;
  writer.open_member("details", '{');
  for (const auto& [key, value] : details)
    writer.member(key, value);
  writer.close('}');
}

}  // namespace

void write_component(JsonWriter& writer, const ComponentView& component, ComponentDocument document,
                     std::uint64_t now_wall_ns) {
  writer.open('{');
  writer.member("name", component.name);
  if (document == ComponentDocument::admin) {
    writer.member("type", component.type);
    write_text(writer, "version", component.version);
    writer.list("capabilities", component.capabilities);
  }
  writer.member("state", component.state);
  write_text(writer, "reason", component.reason);
  write_time(writer, "since", component.since_wall_ns);
  write_text(writer, "subscription", component.subscription);
  writer.member("restarts", std::uint64_t{component.restarts});
  writer.flag("required", component.required);
  write_last_error(writer, component);
  if (is_input(component)) {
    write_delivery(writer, component);
    write_trouble(writer, component.delivery, document, now_wall_ns);
  }
  write_details(writer, component.details);
  writer.close('}');
}

void write_held_event(JsonWriter& writer, const HeldEvent& event, std::uint64_t now_wall_ns) {
  writer.open('{');
  writer.member("id", event.id);
  writer.member("place", event.place);
  writer.member("lane", event.lane);
  writer.member("attempts", std::uint64_t{event.attempts});
  if (event.last_status != 0) writer.member("lastStatus", std::uint64_t{event.last_status});
  write_text(writer, "lastAnswer", event.last_answer);
  write_time(writer, "firstSeen", event.first_seen_wall_ns);
  writer.seconds("ageSeconds",
                 event.first_seen_wall_ns == 0 ? 0 : age(event.first_seen_wall_ns, now_wall_ns));
  // Rounded up: an attempt that is planned is never told as 0.
  if (event.next_attempt_in_ns != 0)
    writer.member("nextAttemptInMs", (event.next_attempt_in_ns + 999'999) / 1'000'000);
  writer.close('}');
}

}  // namespace cleat
