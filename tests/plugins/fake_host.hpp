#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "plugins/fake_table.hpp"

namespace cleat::testing {

struct Outcome {
  cleat_status status = CLEAT_OK;
  std::string text;
};

/// One instance of a type, driven through its table as the host does it.
class Driver {
 public:
  Driver(FakeHost& host, const cleat_binding_type& type) : host_(host), type_(type) {}
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  /// Takes the instance down in the order of the contract, from wherever the test left it.
  ~Driver() {
    if (running_) {
      if (type_.end_input != nullptr) end_input();
      settle_all(CLEAT_ABANDON);
      stop();
    }
    if (self_ != nullptr) close();
  }

  Outcome create() {
    return control([&](cleat_error* error) { return type_.create(host_.table(), &self_, error); });
  }
  /// `metadata` in the form that the host gives it: booleans "true"/"false", durations in nanoseconds.
  Outcome init(const Pairs& metadata, std::uint32_t directions = CLEAT_IN | CLEAT_OUT,
               std::uint32_t flags = 0) {
    const MapOf map(metadata);
    const MapOf fact_map(facts);
    cleat_config config{};
    config.struct_size = sizeof config;
    config.flags = flags;
    config.directions = directions;
    config.shards = 1;
    config.component = str("component");
    config.type = str(type_.type);
    config.version = str("v1");
    config.metadata = map.map();
    config.facts = fact_map.map();
    return control([&](cleat_error* error) { return type_.init(self_, &config, error); });
  }
  Outcome start(std::chrono::nanoseconds limit = std::chrono::seconds(30)) {
    const Outcome outcome =
        control([&](cleat_error* error) { return type_.start(self_, deadline(limit), error); });
    running_ = outcome.status == CLEAT_OK;
    return outcome;
  }
  Outcome ping(std::chrono::nanoseconds limit = std::chrono::seconds(30)) {
    return control([&](cleat_error* error) { return type_.ping(self_, deadline(limit), error); });
  }
  Outcome begin_input(const Window& window = {64, 0, 0}) {
    host_.open(window);
    const cleat_window raw = raw_window(window);
    return control([&](cleat_error* error) { return type_.begin_input(self_, &raw, error); });
  }
  void set_window(const Window& window) {
    host_.open(window);
    const cleat_window raw = raw_window(window);
    type_.set_window(self_, &raw);
  }
  /// False: the event was not out.
  bool settle(std::uint64_t id, std::int32_t verdict = CLEAT_ACK, std::uint32_t flags = 0,
              std::chrono::milliseconds requeue_after = {}) {
    if (!host_.take_out(id)) return false;
    cleat_settlement one{};
    one.struct_size = sizeof one;
    one.verdict = verdict;
    one.event_id = id;
    one.requeue_after_ms = static_cast<std::uint32_t>(requeue_after.count());
    one.flags = flags;
    const cleat_settlement* items[] = {&one};
    type_.settle(self_, items, 1);
    return true;
  }
  std::size_t settle_all(std::int32_t verdict = CLEAT_ACK) {
    std::size_t settled = 0;
    for (const auto& [id, size] : host_.unsettled())
      settled += settle(id, verdict) ? 1 : 0;
    return settled;
  }
  /// As the host does with withdrawn events that have not started.
  std::size_t abandon_withdrawn() {
    std::size_t settled = 0;
    for (const std::uint64_t id : host_.withdrawn())
      settled += settle(id, CLEAT_ABANDON) ? 1 : 0;
    return settled;
  }
  Outcome end_input(std::chrono::nanoseconds limit = std::chrono::seconds(30)) {
    Outcome outcome =
        control([&](cleat_error* error) { return type_.end_input(self_, deadline(limit), error); });
    host_.shut();
    return outcome;
  }
  /// end_input() and the settling of what is out come before, as the contract says.
  Outcome stop(std::chrono::nanoseconds limit = std::chrono::seconds(30)) {
    host_.refuse_posts();
    running_ = false;
    Outcome outcome = control([&](cleat_error* error) { return type_.stop(self_, deadline(limit), error); });
    host_.cancel_posted();
    return outcome;
  }
  void close() {
    type_.close(self_);
    self_ = nullptr;
  }

  /// Begins a call; the result changes when the plugin completes it (from another thread: read it with
  /// host.completion()).
  const Completion& invoke(const std::string& operation, const std::string& data = {},
                           const Pairs& metadata = {},
                           std::chrono::nanoseconds limit = std::chrono::seconds(30)) {
    auto& call = calls_.emplace_back(operation, data, metadata);
    cleat_request& request = call.request;
    request.struct_size = sizeof request;
    request.call_id = calls_.size();
    request.deadline_ns = deadline(limit);
    request.operation = str(call.operation);
    request.metadata = call.map.map();
    request.data = call.data.data();
    request.data_len = call.data.size();
    type_.invoke(self_, &request, reinterpret_cast<cleat_call*>(&call.completion));
    return call.completion;
  }
  void cancel(std::uint64_t call_id) { type_.cancel(self_, call_id); }

  Pairs facts{{"app-id", "test"}, {"host-id", "test-0"}};

 private:
  struct Invoked {
    Invoked(std::string operation_, std::string data_, Pairs metadata_)
        : operation(std::move(operation_)),
          data(std::move(data_)),
          metadata(std::move(metadata_)),
          map(metadata) {}
    std::string operation, data;
    Pairs metadata;
    MapOf map;
    cleat_request request{};
    Completion completion;
  };

  template <class F>
  static Outcome control(F&& call) {
    std::string text(1024, '\0');
    cleat_error error{};
    error.struct_size = sizeof error;
    error.text = text.data();
    error.text_cap = text.size();
    const cleat_status status = call(&error);
    return {status, text.substr(0, error.text_len)};
  }
  [[nodiscard]] std::uint64_t deadline(std::chrono::nanoseconds limit) const {
    return host_.now_ns() + static_cast<std::uint64_t>(limit.count());
  }
  static cleat_window raw_window(const Window& window) {
    return {sizeof(cleat_window), window.max_events, window.max_bytes, window.max_per_lane, 0};
  }

  FakeHost& host_;
  const cleat_binding_type& type_;
  void* self_ = nullptr;
  bool running_ = false;
  std::deque<Invoked> calls_;
};

}  // namespace cleat::testing
