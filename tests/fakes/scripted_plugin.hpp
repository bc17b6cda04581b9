#pragma once

#include <cleat/plugin.h>

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace cleat::testing {

/// A plugin in the test's own hands, behind the real C interface: the test delivers, completes and looks at what came back.
class ScriptedPlugin {
 public:
  struct Settled {
    std::uint64_t id;
    std::int32_t verdict;
    std::uint32_t flags;
    std::uint32_t requeue_after_ms;
  };
  struct Invoked {
    const cleat_request* request;
    cleat_call* call;
  };

  ScriptedPlugin() {
    table_.struct_size = sizeof table_;
    table_.type = "bindings.scripted";
    table_.create = [](const cleat_host* host, void** self, cleat_error*) -> cleat_status {
      current().host_ = host;
      *self = &current();
      return CLEAT_OK;
    };
    table_.init = [](void*, const cleat_config*, cleat_error*) -> cleat_status { return CLEAT_OK; };
    table_.start = [](void*, std::uint64_t, cleat_error*) -> cleat_status { return CLEAT_OK; };
    table_.invoke = [](void* self, const cleat_request* request, cleat_call* call) {
      of(self).invoked.push_back({request, call});
      if (of(self).on_invoke) of(self).on_invoke(*request, call);
    };
    table_.cancel = [](void* self, std::uint64_t id) { of(self).cancelled.push_back(id); };
    table_.begin_input = [](void* self, const cleat_window* window, cleat_error*) -> cleat_status {
      of(self).window = *window;
      return CLEAT_OK;
    };
    table_.set_window = [](void* self, const cleat_window* window) { of(self).window = *window; };
    table_.settle = [](void* self, const cleat_settlement* const* items, std::uint32_t count) {
      for (std::uint32_t i = 0; i < count; ++i) {
        of(self).settled.push_back(
            {items[i]->event_id, items[i]->verdict, items[i]->flags, items[i]->requeue_after_ms});
      }
      if (of(self).on_settle) of(self).on_settle();
    };
    table_.end_input = [](void*, std::uint64_t, cleat_error*) -> cleat_status { return CLEAT_OK; };
    table_.stop = [](void* self, std::uint64_t, cleat_error*) -> cleat_status {
      if (of(self).on_stop) of(self).on_stop();
      return CLEAT_OK;
    };
    table_.close = [](void* self) { of(self).closed = true; };
    current_ = this;
  }
  ScriptedPlugin(const ScriptedPlugin&) = delete;
  ScriptedPlugin& operator=(const ScriptedPlugin&) = delete;

  [[nodiscard]] const cleat_binding_type& table() const { return table_; }
  cleat_binding_type& mutable_table() { return table_; }
  [[nodiscard]] const cleat_host& host() const { return *host_; }

  /// Delivers events of these lanes under fresh ids; returns the accepted ids. Each event's data counts its release.
  std::vector<std::uint64_t> deliver(const std::vector<std::uint64_t>& lanes, std::size_t bytes = 8,
                                     const std::string& key = {}) {
    std::vector<cleat_event> events(lanes.size());
    std::vector<cleat_event*> pointers;
    std::vector<std::string> names(lanes.size());
    std::vector<Payload*> payloads;
    std::vector<cleat_kv> entries;
    for (const auto& [key_text, value] : metadata)
      entries.push_back({{key_text.data(), key_text.size()}, {value.data(), value.size()}});
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      const std::uint64_t id = next_id_++;
      names[i] = name_.empty() ? "s/" + std::to_string(id) : name_;
      auto* payload = new Payload{std::string(bytes, 'x'), this};
      payloads.push_back(payload);
      events[i].struct_size = sizeof(cleat_event);
      events[i].id = id;
      events[i].lane = lanes[i];
      events[i].delivery_count = delivery_count;
      events[i].metadata = {entries.data(), entries.size()};
      events[i].key = {key.data(), key.size()};
      events[i].source_id = {names[i].data(), names[i].size()};
      events[i].data = {payload->text.data(), payload->text.size(), &release, payload};
      pointers.push_back(&events[i]);
    }
    std::uint32_t accepted = 0;
    last_status =
        host_->deliver(host_, pointers.data(), static_cast<std::uint32_t>(pointers.size()), &accepted);
    std::vector<std::uint64_t> ids;
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      if (i < accepted) {
        ids.push_back(events[i].id);
      } else {
        delete payloads[i];
      }
    }
    return ids;
  }

  /// One event without a lane, under this stable name.
  void deliver_named(const std::string& name) {
    name_ = name;
    deliver({0});
    name_.clear();
  }

  void complete(cleat_call* call) { host_->complete(host_, call, nullptr, nullptr); }

  std::vector<Settled> settled;
  std::vector<Invoked> invoked;
  std::vector<std::uint64_t> cancelled;
  cleat_window window{};
  cleat_status last_status = CLEAT_OK;
  std::size_t released = 0;
  std::vector<std::pair<std::string, std::string>> metadata;  ///< of what is delivered from now on
  std::uint32_t delivery_count = 0;                           ///< of what is delivered from now on
  bool closed = false;
  std::function<void(const cleat_request&, cleat_call*)> on_invoke;
  std::function<void()> on_settle;
  std::function<void()> on_stop;

 private:
  struct Payload {
    std::string text;
    ScriptedPlugin* plugin;
  };

  static ScriptedPlugin& of(void* self) { return *static_cast<ScriptedPlugin*>(self); }
  static ScriptedPlugin& current() { return *current_; }
  static void release(void* owner) {
    auto* payload = static_cast<Payload*>(owner);
    ++payload->plugin->released;
    delete payload;
  }

  static inline thread_local ScriptedPlugin* current_ =
      nullptr;  // create() carries no argument of the test's

  cleat_binding_type table_{};
  const cleat_host* host_ = nullptr;
  std::uint64_t next_id_ = 1;
  std::string name_;
};

}  // namespace cleat::testing
