#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What can be seen of a component's delivery.
namespace cleat {

struct DeliveryView {
  enum class Condition : std::uint8_t {
    well,
    degraded,  ///< events wait longer than they should, or a person is asked to decide
    stalled    ///< no attempt begins until a person resumes it
  };
  Condition condition = Condition::well;
  std::string reason;          ///< why not everything is well; empty: it is
  std::string troubled_event;  ///< the event that the reason is about; may be empty

  std::uint32_t in_flight = 0;  ///< attempts that run
  std::uint32_t waiting = 0;    ///< not attempted yet, or again ready to be
  std::uint32_t held = 0;       ///< failed: wait for an attempt, a person or their dead letter
  std::uint32_t blocked = 0;    ///< of those: wait for a person
  std::uint64_t attempts = 0, acked = 0, failed_attempts = 0, dropped = 0, dead_lettered = 0, handed_back = 0,
                abandoned = 0;
  std::uint64_t replies_failed = 0;       ///< calls that an answer asked for and that failed
  std::uint64_t oldest_seen_wall_ns = 0;  ///< of the unsettled events; 0: there is none
  std::uint64_t longest_running_ns = 0;   ///< of the attempts that run
  std::string last_error;                 ///< of an attempt or of a dead letter
  std::uint64_t last_error_wall_ns = 0, last_success_wall_ns = 0;
};

struct HeldEvent {
  std::string id;     ///< as decide() takes it
  std::string place;  ///< "held", "blocked", "dead-letter", "ready" or "waiting" (behind others of its order)
  std::uint64_t lane = 0;
  std::uint32_t attempts = 0;
  unsigned last_status = 0;  ///< 0: no answer came
  std::string last_answer;   ///< in words; empty: not attempted
  std::uint64_t first_seen_wall_ns = 0;
  std::uint64_t next_attempt_in_ns = 0;  ///< 0: none is planned
};

struct HeldEvents {
  std::vector<HeldEvent> events;  ///< those that wait for a person first, at most as many as were asked for
  std::uint64_t total = 0;
};

/// What a person decides about one event.
enum class Decision : std::uint8_t { retry, dead_letter, drop };

struct Decided {
  enum class Result : std::uint8_t { done, not_found, conflict };
  Result result = Result::done;
  std::string text;  ///< for people
};

[[nodiscard]] Decided no_event_held(std::string_view id);

}  // namespace cleat
