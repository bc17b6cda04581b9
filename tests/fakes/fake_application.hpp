#pragma once

#include <algorithm>
#include <vector>

#include "base/loop.hpp"
#include "delivery/application.hpp"

namespace cleat::testing {

/// An application whose answers the test gives one by one.
class FakeApplication final : public Application {
 public:
  struct Out {
    Event* event;
    AnswerHandler* handler;
    std::uint64_t id, lane;
  };

  explicit FakeApplication(Loop& loop) : loop_(loop) {}

  void post(Event& event, AnswerHandler& handler) override {
    out.push_back({&event, &handler, event.id, event.lane});
    started.push_back(event.id);
  }
  bool recall(Event& event) override {
    const auto at = std::find_if(out.begin(), out.end(), [&](const Out& o) { return o.event == &event; });
    if (static_cast<std::size_t>(at - out.begin()) < concurrency) return false;
    out.erase(at);
    return true;
  }
  void abort(Event& event) override {
    const auto at = std::find_if(out.begin(), out.end(), [&](const Out& o) { return o.event == &event; });
    const Out cut = *at;
    out.erase(at);
    loop_.post([cut] { cut.handler->on_answer(*cut.event, Answer{.outcome = Outcome::cancelled}); });
  }
  void probe(std::uint64_t, UniqueFunction<void(const Answer&)> done) override {
    probes.push_back(std::move(done));
  }

  /// Answers the i-th POST that is out.
  void answer(std::size_t i, const Answer& answer) {
    const Out chosen = out[i];
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(i));
    chosen.handler->on_answer(*chosen.event, answer);
  }
  void answer(std::size_t i, unsigned status) {
    answer(i, Answer{.outcome = Outcome::answered, .status = status});
  }

  /// How many of those that are out have begun.
  [[nodiscard]] std::size_t begun() const { return std::min(out.size(), concurrency); }

  std::size_t concurrency = 1'000;  ///< what is out beyond this has not begun
  std::vector<Out> out;
  std::vector<std::uint64_t> started;  ///< ids, in the order of their attempts
  std::vector<UniqueFunction<void(const Answer&)>> probes;

 private:
  Loop& loop_;
};

}  // namespace cleat::testing
