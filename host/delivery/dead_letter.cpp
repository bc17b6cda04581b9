#include "delivery/dead_letter.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace cleat {

std::string name_of(const Event& event) {
  return event.source_id().empty() ? fmt::format("#{}", event.id) : std::string(event.source_id());
}

DeadLetterWriter::DeadLetterWriter(DeadLetterOptions options, std::uint32_t shard, OutputFinder find)
    : options_(std::move(options)), shard_(shard), find_(std::move(find)) {}

std::string DeadLetterWriter::fill_in(std::string_view text, const Event& event,
                                      std::uint32_t attempts) const {
  const Pairs values{{"{id}", name_of(event)},
                     {"{component}", options_.source},
                     {"{key}", std::string(event.key())},
                     {"{lane}", fmt::to_string(event.lane)},
                     {"{attempts}", fmt::to_string(attempts)}};
  std::string filled;
  while (!text.empty()) {
    const std::size_t brace = text.find('{');
    filled += text.substr(0, brace);
    if (brace == std::string_view::npos) break;
    text.remove_prefix(brace);
    std::size_t taken = 0;
    for (const auto& [name, value] : values) {
      if (!text.starts_with(name)) continue;
      filled += value;
      taken = name.size();
    }
    if (taken == 0) filled += text[taken++];
    text.remove_prefix(taken);
  }
  return filled;
}

Pairs DeadLetterWriter::metadata_of(const Event& event, std::uint32_t attempts) const {
  const EventTrouble& trouble = *event.trouble;
  Pairs metadata;
  for (const auto& [name, value] : options_.metadata)
    metadata.emplace_back(name, fill_in(value, event, attempts));
  const auto add = [&metadata](std::string_view name, std::string value) {
    if (!value.empty()) metadata.emplace_back(name, std::move(value));
  };
  add("cleat-component", options_.source);
  add("cleat-event-id", name_of(event));
  add("cleat-attempts", fmt::to_string(attempts));
  if (trouble.status != 0) add("cleat-last-status", fmt::to_string(trouble.status));
  add("cleat-reason", trouble.reason);
  if (event.first_seen_wall_ns != 0) add("cleat-first-seen", format_wall_ns(event.first_seen_wall_ns));
  add("cleat-first-attempt", format_wall_ns(trouble.first_attempt_wall_ns));
  add("cleat-last-attempt", format_wall_ns(trouble.last_attempt_wall_ns));
  add("cleat-key", std::string(event.key()));
  if (event.lane != 0) add("cleat-lane", fmt::to_string(event.lane));
  add("cleat-content-type", std::string(event.content_type()));
  for (std::uint32_t i = 0; i < event.metadata_count(); ++i)
    metadata.emplace_back(fmt::format("cleat-src-{}", event.metadata_key(i)), event.metadata_value(i));
  return metadata;
}

void DeadLetterWriter::write(const Event& event, std::uint32_t attempts, OutputDone done) const {
  if (options_.to == DeadLetterOptions::To::broker) return done({});
  std::string why;
  OutputPort* const port = find_(options_.target, options_.operation, why);
  if (port == nullptr) {
    OutputResult unavailable;
    unavailable.status = CLEAT_UNAVAILABLE;
    unavailable.retryable = true;
    unavailable.error = std::move(why);
    return done(std::move(unavailable));
  }
  OutputRequest request;
  request.operation = options_.operation;
  request.content_type = event.content_type();
  if (!event.trouble->envelope_only) request.data = event.data();
  request.metadata = metadata_of(event, attempts);
  request.traceparent = event.traceparent();
  request.tracestate = event.tracestate();
  request.baggage = event.baggage();
  // Whoever holds the event has it written again. A policy of the target that repeats it too would keep it out of the reach of
  // a pause and of a stop.
  request.still_wanted = [] { return false; };
  port->invoke(std::move(request), shard_, std::move(done));
}

}  // namespace cleat
