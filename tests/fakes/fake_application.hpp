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
    Event* event = nullptr;  ///< the first one of a batch
    AnswerHandler* handler = nullptr;
    std::uint64_t id = 0, lane = 0;
    Batch* batch = nullptr;
    std::vector<std::uint64_t> ids;  ///< of a batch
  };

  explicit FakeApplication(Loop& loop) : loop_(loop) {}

  void post(Event& event, AnswerHandler& handler) override {
    out.push_back({&event, &handler, event.id, event.lane, nullptr, {}});
    started.push_back(event.id);
  }
  void post(Batch& batch, AnswerHandler& handler) override {
    Event& first = *batch.events.front();
    Out& one = out.emplace_back(Out{&first, &handler, first.id, first.lane, &batch, {}});
    for (const Event* event : batch.events) {
      one.ids.push_back(event->id);
      started.push_back(event->id);
    }
  }
  bool recall(Event& event) override {
    return recall_at([&](const Out& one) { return one.event == &event; });
  }
  bool recall(Batch& batch) override {
    return recall_at([&](const Out& one) { return one.batch == &batch; });
  }
  bool is_sent(Event& event) const override {
    return is_begun([&](const Out& one) { return one.event == &event; }) && takes;
  }
  bool is_sent(Batch& batch) const override {
    return is_begun([&](const Out& one) { return one.batch == &batch; }) && takes;
  }
  void abort(Event& event) override {
    abort_at([&](const Out& one) { return one.event == &event; });
  }
  void abort(Batch& batch) override {
    abort_at([&](const Out& one) { return one.batch == &batch; });
  }
  void probe(std::uint64_t, UniqueFunction<void(const Answer&)> done) override {
    probes.push_back(std::move(done));
  }

  /// Answers the i-th POST that is out.
  void answer(std::size_t i, const Answer& answer, const std::vector<std::optional<Verdict>>& verdicts = {}) {
    const Out chosen = out[i];
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(i));
    if (chosen.batch != nullptr) {
      chosen.handler->on_batch_answer(*chosen.batch, answer, verdicts);
    } else {
      chosen.handler->on_answer(*chosen.event, answer);
    }
  }
  void answer(std::size_t i, unsigned status) {
    answer(i, Answer{.outcome = Outcome::answered, .status = status});
  }

  /// How many of those that are out have begun.
  [[nodiscard]] std::size_t begun() const { return std::min(out.size(), concurrency); }

  std::size_t concurrency = 1'000;  ///< what is out beyond this has not begun
  bool takes = true;                ///< what has begun is sent; false: the connection is still to come
  std::vector<Out> out;
  std::vector<std::uint64_t> started;  ///< ids, in the order of their attempts
  std::vector<UniqueFunction<void(const Answer&)>> probes;

 private:
  template <class Is>
  bool is_begun(Is is) const {
    const auto at = std::find_if(out.begin(), out.end(), is);
    return at != out.end() && static_cast<std::size_t>(at - out.begin()) < concurrency;
  }
  template <class Is>
  bool recall_at(Is is) {
    const auto at = std::find_if(out.begin(), out.end(), is);
    if (at == out.end() || is_begun(is)) return false;
    out.erase(at);
    return true;
  }
  template <class Is>
  void abort_at(Is is) {
    const auto at = std::find_if(out.begin(), out.end(), is);
    const Out cut = *at;
    out.erase(at);
    loop_.post([cut] {
      const Answer cancelled{.outcome = Outcome::cancelled};
      if (cut.batch != nullptr) {
        cut.handler->on_batch_answer(*cut.batch, cancelled, {});
      } else {
        cut.handler->on_answer(*cut.event, cancelled);
      }
    });
  }

  Loop& loop_;
};

}  // namespace cleat::testing
