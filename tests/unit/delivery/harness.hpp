#pragma once

#include <gtest/gtest.h>

#include "delivery/dispatcher.hpp"
#include "fake_application.hpp"
#include "manual_loop.hpp"
#include "plugin/instance.hpp"
#include "recording_log.hpp"
#include "scripted_plugin.hpp"

namespace cleat::testing {

/// An output component that the test answers by hand.
class FakeOutput final : public OutputPort {
 public:
  struct Call {
    OutputRequest request;
    OutputDone done;
  };
  void invoke(OutputRequest&& request, std::uint32_t, OutputDone done) override {
    calls.push_back({std::move(request), std::move(done)});
  }
  void answer(std::size_t i, cleat_status status, bool retryable = false) {
    Call call = std::move(calls[i]);
    calls.erase(calls.begin() + static_cast<std::ptrdiff_t>(i));
    written.push_back(std::move(call.request));
    OutputResult result;
    result.status = status;
    result.retryable = retryable;
    if (status != CLEAT_OK) result.error = "the target says no";
    call.done(std::move(result));
  }
  std::vector<Call> calls;
  std::vector<OutputRequest> written;  ///< all that were answered
};

/// An instance of a scripted plugin and its dispatcher on a loop that the test steps.
struct Harness {
  explicit Harness(std::uint32_t max_in_flight = 64, std::uint32_t seed = 1)
      : Harness(dispatcher_options(max_in_flight), seed) {}
  explicit Harness(DispatcherOptions options, std::uint32_t seed = 1)
      : instance(plugin.table(), type(), instance_options(), loop, {&loop}, log),
        dispatcher(
            std::move(options), loop, application, instance,
            [this](std::string_view name, std::string_view operation, std::string& why) {
              asked_for = std::string(name) + "." + std::string(operation);
              if (!output_is_there) why = "the target is not running";
              return output_is_there ? &output : nullptr;
            },
            log, seed) {
    EXPECT_TRUE(instance.open(0));
    EXPECT_TRUE(instance.begin_input(dispatcher, dispatcher.window()));
  }
  static BindingType type() {
    BindingType type;
    type.type = "bindings.scripted";
    type.directions = CLEAT_IN | CLEAT_OUT;
    return type;
  }
  static InstanceOptions instance_options() {
    InstanceOptions options;
    options.component = "scripted";
    options.directions = CLEAT_IN | CLEAT_OUT;
    return options;
  }
  static DispatcherOptions dispatcher_options(std::uint32_t max_in_flight) {
    DispatcherOptions options;
    options.component = "scripted";
    options.fields.max_in_flight = max_in_flight;
    return options;
  }

  static DispatcherOptions batches_of(std::uint32_t most, std::uint64_t linger_ns = 0) {
    DispatcherOptions options = dispatcher_options(4);
    options.fields.batch_max = most;
    options.fields.batch_linger_ns = linger_ns;
    return options;
  }

  /// Delivers and lets the events arrive.
  std::vector<std::uint64_t> deliver(const std::vector<std::uint64_t>& lanes) {
    std::vector<std::uint64_t> ids = plugin.deliver(lanes);
    loop.run_posted();
    return ids;
  }
  std::vector<std::uint64_t> deliver_keyed(
      const std::vector<std::pair<std::uint64_t, std::string>>& lanes_and_keys) {
    std::vector<std::uint64_t> ids;
    for (const auto& [lane, key] : lanes_and_keys)
      ids.push_back(plugin.deliver({lane}, 8, key).at(0));
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

  /// Answers whatever is out until nothing is.
  void answer_all(unsigned status) {
    while (!application.out.empty())
      application.answer(0, status);
  }

  ManualLoop loop;
  RecordingLog log;
  FakeOutput output;
  bool output_is_there = true;
  std::string asked_for;
  ScriptedPlugin plugin;
  FakeApplication application{loop};
  Instance instance;
  Dispatcher dispatcher;
};

}  // namespace cleat::testing
