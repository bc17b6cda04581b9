#pragma once

#include <gtest/gtest.h>

#include "delivery/dispatcher.hpp"
#include "fake_application.hpp"
#include "manual_loop.hpp"
#include "plugin/instance.hpp"
#include "recording_log.hpp"
#include "scripted_plugin.hpp"

namespace cleat::testing {

/// An instance of a scripted plugin and its dispatcher on a loop that the test steps.
struct Harness {
  explicit Harness(std::uint32_t max_in_flight = 64, std::uint32_t seed = 1)
      : instance(plugin.table(), type(), options(), loop, {&loop}, log),
        dispatcher(dispatcher_options(max_in_flight), loop, application, instance, log, seed) {
    EXPECT_TRUE(instance.open(0));
    EXPECT_TRUE(instance.begin_input(dispatcher, dispatcher.window()));
  }
  static BindingType type() {
    BindingType type;
    type.type = "bindings.scripted";
    type.directions = CLEAT_IN | CLEAT_OUT;
    return type;
  }
  static InstanceOptions options() {
    InstanceOptions options;
    options.component = "scripted";
    options.directions = CLEAT_IN | CLEAT_OUT;
    return options;
  }
  static DispatcherOptions dispatcher_options(std::uint32_t max_in_flight) {
    DispatcherOptions options;
    options.component = "scripted";
    options.max_in_flight = max_in_flight;
    return options;
  }

  /// Delivers and lets the events arrive.
  std::vector<std::uint64_t> deliver(const std::vector<std::uint64_t>& lanes) {
    std::vector<std::uint64_t> ids = plugin.deliver(lanes);
    loop.run_posted();
    return ids;
  }
  void withdraw(std::int32_t by, std::uint64_t id) {
    plugin.host().withdraw(&plugin.host(), by, &id, 1);
    loop.run_posted();
  }
  void wait_for_timer() {
    loop.advance(loop.until_next_timer());
    loop.run_posted();
  }
  [[nodiscard]] std::vector<std::uint64_t> settled_with(std::int32_t verdict) const {
    std::vector<std::uint64_t> ids;
    for (const auto& settled : plugin.settled) {
      if (settled.verdict == verdict) ids.push_back(settled.id);
    }
    return ids;
  }

  ManualLoop loop;
  RecordingLog log;
  ScriptedPlugin plugin;
  FakeApplication application{loop};
  Instance instance;
  Dispatcher dispatcher;
};

}  // namespace cleat::testing
