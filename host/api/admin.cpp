#include "api/admin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/component_json.hpp"

namespace cleat {
namespace {

using Code = AdminAnswer::Code;

AdminAnswer answer_of(Decided&& decided) {
  switch (decided.result) {
    case Decided::Result::done:
      return {};
    case Decided::Result::not_found:
      return {Code::not_found, std::move(decided.text)};
    case Decided::Result::conflict:
      return {Code::conflict, std::move(decided.text)};
  }
  return {};
}

UniqueFunction<void(Decided&&)> answering(AdminDone done) {
  return [done = std::move(done)](Decided&& decided) mutable { done(answer_of(std::move(decided))); };
}

AdminAnswer document_of(const HeldEvents& held, std::uint64_t now_wall_ns) {
  JsonWriter writer;
  writer.open('{');
  writer.member("total", held.total);
  writer.open_member("events", '[');
  for (const HeldEvent& event : held.events)
    write_held_event(writer, event, now_wall_ns);
  writer.close(']');
  writer.close('}');
  return {Code::document, writer.take()};
}

}  // namespace

void list_components(const HostView& host, std::uint64_t now_wall_ns, AdminDone done) {
  host.components([now_wall_ns, done = std::move(done)](std::vector<ComponentView>&& components) mutable {
    JsonWriter writer;
    writer.open('{');
    writer.open_member("components", '[');
    for (const ComponentView& component : components)
      write_component(writer, component, ComponentDocument::admin, now_wall_ns);
    writer.close(']');
    writer.close('}');
    done({Code::document, writer.take()});
  });
}

void show_component(const HostView& host, std::string_view name, std::uint64_t now_wall_ns, AdminDone done) {
  host.components([now_wall_ns, name = std::string(name),
                   done = std::move(done)](std::vector<ComponentView>&& components) mutable {
    const auto found = std::find_if(components.begin(), components.end(),
                                    [&name](const ComponentView& one) { return one.name == name; });
    if (found == components.end())
      return done({Code::not_found, fmt::format("there is no component '{}'", name)});
    JsonWriter writer;
    write_component(writer, *found, ComponentDocument::admin, now_wall_ns);
    done({Code::document, writer.take()});
  });
}

void list_held_events(const HostView& host, std::string_view component, std::uint64_t most,
                      std::uint64_t now_wall_ns, AdminDone done) {
  host.held_events(component, most,
                   [now_wall_ns, name = std::string(component),
                    done = std::move(done)](std::optional<HeldEvents>&& held) mutable {
                     if (held) return done(document_of(*held, now_wall_ns));
                     done({Code::not_found, fmt::format("there is no input component '{}'", name)});
                   });
}

void decide_event(HostView& host, std::string_view component, std::string_view event, Decision decision,
                  AdminDone done) {
  host.decide(component, event, decision, answering(std::move(done)));
}

void pause_component(HostView& host, std::string_view component, AdminDone done) {
  host.pause(component, answering(std::move(done)));
}

void resume_component(HostView& host, std::string_view component, AdminDone done) {
  host.resume(component, answering(std::move(done)));
}

void ping_component(HostView& host, std::string_view component, AdminDone done) {
  host.ping(component, [done = std::move(done)](FarEnd&& far_end) mutable {
    constexpr std::array<Code, 4> kCodes{Code::done, Code::unreachable, Code::conflict, Code::not_found};
    done({kCodes.at(static_cast<std::size_t>(far_end.result)), std::move(far_end.text)});
  });
}

void readiness(const HostView& host, AdminDone done) {
  host.required_not_ready(
      [waiting = host.not_ready(), done = std::move(done)](std::vector<std::string>&& components) mutable {
        waiting.insert(waiting.end(), components.begin(), components.end());
        if (waiting.empty()) return done({});
        done({Code::not_ready, fmt::format("the host is not ready: [{}]", fmt::join(waiting, ", "))});
      });
}

}  // namespace cleat
