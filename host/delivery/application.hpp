#pragma once

#include <cstdint>
#include <string_view>

#include "base/task.hpp"
#include "plugin/event.hpp"

/// The application as delivery sees it: something that takes an event and answers with a number.
namespace cleat {

enum class Outcome : std::uint8_t {
  answered,     ///< a whole response came
  unreachable,  ///< refused, DNS, or reset before a byte of a response
  broken,       ///< reset after a byte of a response
  timed_out,
  cancelled  ///< by abort()
};

/// Borrowed until the handler returns.
struct Answer {
  Outcome outcome = Outcome::answered;
  unsigned status = 0;  ///< 100..599 when answered
  std::string_view body, content_type, retry_after;
  std::string_view error;  ///< for people, when not answered
};

class AnswerHandler {
 public:
  virtual ~AnswerHandler() = default;
  virtual void on_answer(Event& event, const Answer& answer) = 0;
};

/// One component's way to the application, on the component's home thread.
class Application {
 public:
  virtual ~Application() = default;

  /// Begins one POST of the event. Its answer comes exactly once, later, never on this stack; the event must live until then.
  virtual void post(Event& event, AnswerHandler& handler) = 0;
  /// Takes back a POST that waits for its turn and has not begun: true, and no answer comes. False: it runs.
  [[nodiscard]] virtual bool recall(Event& event) = 0;
  /// Cuts the POST of this event, if one is out: its answer is then `cancelled`.
  virtual void abort(Event& event) = 0;
  /// Asks whether the application wants this component's events (OPTIONS on its route). The answer comes later, exactly once.
  virtual void probe(std::uint64_t timeout_ns, UniqueFunction<void(const Answer&)> done) = 0;
};

}  // namespace cleat
