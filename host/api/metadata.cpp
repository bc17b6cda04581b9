#include "api/metadata.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "api/component_json.hpp"
#include "api/json_writer.hpp"

namespace cleat {
namespace {

void write_components(JsonWriter& writer, const std::vector<ComponentView>& components) {
  const auto is_left_out = [](const ComponentView& component) { return component.is_left_out; };
  if (std::all_of(components.begin(), components.end(), is_left_out)) return;
  writer.open_member("components", '[');
  for (const ComponentView& component : components) {
    if (component.is_left_out) continue;
    writer.open('{');
    writer.member("name", component.name);
    writer.member("type", component.type);
    if (!component.version.empty()) writer.member("version", component.version);
    writer.list("capabilities", component.capabilities);
    writer.close('}');
  }
  writer.close(']');
}

void write_extended(JsonWriter& writer, const HostFacts& facts, const ExtendedMetadata& extended) {
  writer.open_member("extended", '{');
  auto entries = extended.all();
  entries.try_emplace("daprRuntimeVersion", facts.version);
  for (const auto& [key, value] : entries)
    writer.member(key, value);
  writer.close('}');
}

void write_application(JsonWriter& writer, const HostFacts& facts) {
  if (facts.app_port == 0) return;
  writer.open_member("appConnectionProperties", '{');
  writer.member("port", std::uint64_t{facts.app_port});
  writer.member("protocol", "http");
  writer.member("channelAddress", facts.app_channel_address);
  if (facts.app_max_concurrency > 0) {
    writer.member("maxConcurrency", static_cast<std::uint64_t>(facts.app_max_concurrency));
  }
  writer.close('}');
}

void write_resiliencies(JsonWriter& writer, const HostFacts& facts) {
  if (facts.resiliencies.empty()) return;
  writer.open_member("resiliencies", '[');
  for (const std::string& name : facts.resiliencies) {
    writer.open('{');
    writer.member("name", name);
    writer.close('}');
  }
  writer.close(']');
}

void write_own(JsonWriter& writer, const HostFacts& facts, const HostView& host,
               const std::vector<ComponentView>& components, std::uint64_t now_wall_ns) {
  writer.open_member("cleat", '{');
  writer.member("version", facts.version);
  writer.list("waitingFor", host.not_ready());
  writer.open_member("components", '[');
  for (const ComponentView& component : components)
    write_component(writer, component, ComponentDocument::metadata, now_wall_ns);
  writer.close(']');
  writer.close('}');
}

}  // namespace

Result<> ExtendedMetadata::put(std::string_view key, std::string_view value) {
  if (key.size() > kMaxKey)
    return fail(fmt::format("expected a key of at most {} bytes, found {}", kMaxKey, key.size()));
  if (value.size() > kMaxValue) {
    return fail(fmt::format("expected a value of at most {} bytes, found {}", kMaxValue, value.size()));
  }
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kMaxEntries && !entries_.contains(std::string(key))) {
    return fail(fmt::format("{} entries are stored already, no more are taken", kMaxEntries));
  }
  entries_.insert_or_assign(std::string(key), std::string(value));
  return {};
}

std::map<std::string, std::string> ExtendedMetadata::all() const {
  const std::lock_guard lock(mutex_);
  return entries_;
}

void metadata_document(const HostFacts& facts, const HostView& host, const ExtendedMetadata& extended,
                       bool strict_dapr, std::uint64_t now_wall_ns,
                       UniqueFunction<void(std::string&&)> done) {
  host.components([&facts, &host, &extended, strict_dapr, now_wall_ns,
                   done = std::move(done)](std::vector<ComponentView>&& components) mutable {
    JsonWriter writer;
    writer.open('{');
    writer.member("id", facts.app_id);
    writer.member("runtimeVersion", facts.version);
    write_components(writer, components);
    write_extended(writer, facts, extended);
    write_application(writer, facts);
    writer.open_member("actorRuntime", '{');
    writer.member("runtimeStatus", "DISABLED");
    writer.close('}');
    write_resiliencies(writer, facts);
    if (!strict_dapr) write_own(writer, facts, host, components, now_wall_ns);
    writer.close('}');
    done(writer.take());
  });
}

}  // namespace cleat
