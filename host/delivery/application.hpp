#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/task.hpp"
#include "delivery/verdict.hpp"
#include "plugin/event.hpp"

/// The application as delivery sees it: something that takes an event and answers with a number.
namespace cleat {

/// Events that go out in one request, in the order in which the application sees them.
struct Batch {
  std::vector<Event*> events;
};

class AnswerHandler {
 public:
  virtual ~AnswerHandler() = default;
  virtual void on_answer(Event& event, const Answer& answer) = 0;
  /// `verdicts[i]` is what the answer says of the i-th event; nothing: it does not mention it. Empty unless a 2xx came.
  virtual void on_batch_answer(Batch& batch, const Answer& answer,
                               std::span<const std::optional<Verdict>> verdicts) = 0;
};

/// One component's way to the application, on the component's home thread.
class Application {
 public:
  virtual ~Application() = default;

  /// Begins one POST of the event, or of the batch. Its answer comes exactly once, later, never on this stack; what is posted
  /// must live until then.
  virtual void post(Event& event, AnswerHandler& handler) = 0;
  virtual void post(Batch& batch, AnswerHandler& handler) = 0;
  /// Takes back a POST that waits for its turn and has not begun: true, and no answer comes. False: it runs.
  [[nodiscard]] virtual bool recall(Event& event) = 0;
  [[nodiscard]] virtual bool recall(Batch& batch) = 0;
  /// Whether the POST is with the application: a connection stands, and all of it was sent.
  [[nodiscard]] virtual bool is_sent(Event& event) const = 0;
  [[nodiscard]] virtual bool is_sent(Batch& batch) const = 0;
  /// Cuts the POST, if it is out: its answer is then `cancelled`.
  virtual void abort(Event& event) = 0;
  virtual void abort(Batch& batch) = 0;
  /// Asks whether the application wants this component's events (OPTIONS on its route). The answer comes later, exactly once.
  virtual void probe(std::uint64_t timeout_ns, UniqueFunction<void(const Answer&)> done) = 0;
};

}  // namespace cleat
