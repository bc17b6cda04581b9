#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/host_view.hpp"

namespace cleat::testing {

/// An output that keeps what it was asked and answers what the test says: at once, or when finish() is
/// called.
class FakeOutputPort final : public OutputPort {
 public:
  void invoke(OutputRequest&& request, std::uint32_t shard, OutputDone done) override {
    requests.push_back(std::move(request));
    shards.push_back(shard);
    if (hold) {
      held.push_back(std::move(done));
    } else {
      done(make_result ? make_result(requests.back()) : OutputResult{});
    }
  }
  void finish(std::size_t index, OutputResult&& result) { held.at(index)(std::move(result)); }

  bool hold = false;
  UniqueFunction<OutputResult(const OutputRequest&)> make_result;
  std::vector<OutputRequest> requests;
  std::vector<std::uint32_t> shards;
  std::vector<OutputDone> held;
};

/// Knows what the test says, remembers what was asked of it, and answers at once unless `hold` is set: then when
/// `held` is run.
class FakeHostView final : public HostView {
 public:
  [[nodiscard]] const Output* find_output(std::string_view name) const override {
    const auto found =
        std::find_if(outputs.begin(), outputs.end(), [&](const Output& one) { return one.name == name; });
    return found == outputs.end() ? nullptr : &*found;
  }
  void components(UniqueFunction<void(std::vector<ComponentView>&&)> done) const override {
    answer([done = std::move(done), copy = views]() mutable { done(std::move(copy)); });
  }
  void held_events(std::string_view component, std::size_t most,
                   UniqueFunction<void(std::optional<HeldEvents>&&)> done) const override {
    asked.push_back("events " + std::string(component) + " " + std::to_string(most));
    answer([done = std::move(done), copy = events]() mutable { done(std::move(copy)); });
  }
  void decide(std::string_view component, std::string_view event, Decision decision,
              UniqueFunction<void(Decided&&)> done) override {
    const std::string word = decision == Decision::retry  ? "retry"
                             : decision == Decision::drop ? "drop"
                                                          : "dead-letter";
    act(word + " " + std::string(component) + " " + std::string(event), std::move(done));
  }
  void pause(std::string_view component, UniqueFunction<void(Decided&&)> done) override {
    act("pause " + std::string(component), std::move(done));
  }
  void resume(std::string_view component, UniqueFunction<void(Decided&&)> done) override {
    act("resume " + std::string(component), std::move(done));
  }
  void ping(std::string_view component, UniqueFunction<void(FarEnd&&)> done) override {
    asked.push_back("ping " + std::string(component));
    answer([done = std::move(done), copy = far_end]() mutable { done(std::move(copy)); });
  }
  void required_not_ready(UniqueFunction<void(std::vector<std::string>&&)> done) const override {
    answer([done = std::move(done), copy = required_waiting]() mutable { done(std::move(copy)); });
  }
  [[nodiscard]] std::vector<std::string> not_ready() const override { return waiting_for; }
  [[nodiscard]] bool outbound_ready() const override { return outbound; }
  void request_shutdown(bool force) override { shutdowns.push_back(force); }

  std::vector<Output> outputs;
  std::vector<ComponentView> views;
  std::vector<std::string> waiting_for, required_waiting;
  std::optional<HeldEvents> events;
  Decided decided;  ///< the answer to decide(), pause() and resume()
  FarEnd far_end;   ///< the answer to ping()
  bool hold = false;
  mutable std::vector<Task> held;
  mutable std::vector<std::string> asked;
  bool outbound = true;
  std::vector<bool> shutdowns;

 private:
  void answer(Task task) const {
    if (!hold) return task();
    held.push_back(std::move(task));
  }
  void act(std::string what, UniqueFunction<void(Decided&&)> done) {
    asked.push_back(std::move(what));
    answer([done = std::move(done), copy = decided]() mutable { done(std::move(copy)); });
  }
};

inline OutputResult result_with_body(std::string text) {
  OutputResult result;
  result.has_body = true;
  result.data = Buffer::of(std::move(text));
  return result;
}

}  // namespace cleat::testing
