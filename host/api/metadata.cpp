#include "api/metadata.hpp"

#include <fmt/format.h>

#include "api/text_json.hpp"

namespace cleat {
namespace {

/// Writes members and elements with the commas between them.
class Writer {
 public:
  void open(char bracket) {
    separate();
    out_ += bracket;
    first_ = true;
  }
  void close(char bracket) {
    out_ += bracket;
    first_ = false;
  }
  void key(std::string_view name) {
    separate();
    append_html_safe(out_, name);
    out_ += ':';
    first_ = true;
  }
  void text(std::string_view value) {
    separate();
    append_html_safe(out_, value);
  }
  void raw(std::string_view value) {
    separate();
    out_ += value;
  }
  void member(std::string_view name, std::string_view value) {
    key(name);
    text(value);
  }
  void member(std::string_view name, std::uint64_t value) {
    key(name);
    raw(fmt::format_int(value).c_str());
  }
  void list(std::string_view name, const std::vector<std::string>& items) {
    key(name);
    open('[');
    for (const std::string& item : items)
      text(item);
    close(']');
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  std::string out_;
  bool first_ = true;
};

void write_components(Writer& writer, const std::vector<ComponentView>& components) {
  if (components.empty()) return;
  writer.key("components");
  writer.open('[');
  for (const ComponentView& component : components) {
    writer.open('{');
    writer.member("name", component.name);
    writer.member("type", component.type);
    if (!component.version.empty()) writer.member("version", component.version);
    writer.list("capabilities", component.capabilities);
    writer.close('}');
  }
  writer.close(']');
}

void write_extended(Writer& writer, const HostFacts& facts, const ExtendedMetadata& extended) {
  writer.key("extended");
  writer.open('{');
  auto entries = extended.all();
  entries.try_emplace("daprRuntimeVersion", facts.version);
  for (const auto& [key, value] : entries)
    writer.member(key, value);
  writer.close('}');
}

void write_application(Writer& writer, const HostFacts& facts) {
  if (facts.app_port == 0) return;
  writer.key("appConnectionProperties");
  writer.open('{');
  writer.member("port", std::uint64_t{facts.app_port});
  writer.member("protocol", "http");
  writer.member("channelAddress", facts.app_channel_address);
  if (facts.app_max_concurrency > 0) {
    writer.member("maxConcurrency", static_cast<std::uint64_t>(facts.app_max_concurrency));
  }
  writer.close('}');
}

void write_counts(Writer& writer, const ComponentView& component) {
  writer.member("inFlight", std::uint64_t{component.in_flight});
  writer.member("held", std::uint64_t{component.held});
  writer.member("unsettled", std::uint64_t{component.unsettled});
  if (!component.oldest_unsettled_id.empty()) writer.member("oldestUnsettled", component.oldest_unsettled_id);
  writer.member("delivered", component.delivered);
  writer.member("acked", component.acked);
  writer.member("failedAttempts", component.failed_attempts);
}

void write_own_component(Writer& writer, const ComponentView& component) {
  writer.open('{');
  writer.member("name", component.name);
  writer.member("state", component.state);
  if (!component.reason.empty()) writer.member("reason", component.reason);
  if (component.since_wall_ns != 0) writer.member("since", format_wall_ns(component.since_wall_ns));
  if (!component.subscription.empty()) writer.member("subscription", component.subscription);
  for (const std::string& capability : component.capabilities) {
    if (capability == "INPUT_BINDING") write_counts(writer, component);
  }
  if (!component.details.empty()) {
    writer.key("details");
    writer.open('{');
    for (const auto& [key, value] : component.details)
      writer.member(key, value);
    writer.close('}');
  }
  writer.close('}');
}

void write_own(Writer& writer, const HostFacts& facts, const HostView& host,
               const std::vector<ComponentView>& components) {
  writer.key("cleat");
  writer.open('{');
  writer.member("version", facts.version);
  writer.list("waitingFor", host.not_ready());
  writer.key("components");
  writer.open('[');
  for (const ComponentView& component : components)
    write_own_component(writer, component);
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

std::string metadata_document(const HostFacts& facts, const HostView& host, const ExtendedMetadata& extended,
                              bool strict_dapr) {
  const std::vector<ComponentView> components = host.components();
  Writer writer;
  writer.open('{');
  writer.member("id", facts.app_id);
  writer.member("runtimeVersion", facts.version);
  write_components(writer, components);
  write_extended(writer, facts, extended);
  write_application(writer, facts);
  writer.key("actorRuntime");
  writer.open('{');
  writer.member("runtimeStatus", "DISABLED");
  writer.close('}');
  if (!strict_dapr) write_own(writer, facts, host, components);
  writer.close('}');
  return writer.take();
}

}  // namespace cleat
