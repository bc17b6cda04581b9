#pragma once

#include <cleat/plugin.h>

#include <array>
#include <boost/intrusive/list_hook.hpp>
#include <boost/intrusive/set_hook.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "plugin/buffer.hpp"

namespace cleat {

class Event;

/// What delivery remembers of an event that failed; most events never have one.
struct EventTrouble {
  explicit EventTrouble(Event& failed) : event(failed) {}

  Event& event;
  boost::intrusive::set_member_hook<> due_hook;  ///< while the event waits for an instant
  std::uint64_t due_ns = 0;
  std::uint64_t first_attempt_ns = 0;  ///< on the loop's clock
  std::uint64_t first_attempt_wall_ns = 0, last_attempt_wall_ns = 0;
  std::uint32_t forgiven = 0;       ///< attempts that do not count: a batch's, or a person asked for more
  std::uint32_t failed_writes = 0;  ///< of its dead letter
  unsigned status = 0;              ///< last answer; 0: none came
  bool writing = false;             ///< its dead letter is on its way
  bool envelope_only = false;
  std::string reason;    ///< last answer, for people
  std::string obstacle;  ///< why it is blocked, or its dead letter not written; empty: it is neither
};

/// The host's copy of one accepted event: one allocation for the object and all its text, plus the plugin's own buffer.
/// From the moment it is delivered it belongs to the component's home thread.
class Event {
 public:
  struct Free {
    void operator()(Event* event) const;
  };

  /// The bytes of all its text. What the event counts in the window is this and its data.
  [[nodiscard]] static std::size_t text_bytes(const cleat_event& from);
  /// Copies all text, `text` bytes as text_bytes() says; the buffer moves.
  static std::unique_ptr<Event, Free> accept(const cleat_event& from, std::size_t text);

  std::uint64_t id = 0;
  std::uint64_t lane = 0;
  std::uint64_t settle_by_ns = 0;  ///< on the loop's clock; 0: never
  std::uint64_t first_seen_wall_ns = 0;

  /// Whether its last instant to begin has passed.
  [[nodiscard]] bool is_expired(std::uint64_t now_ns) const {
    return settle_by_ns != 0 && now_ns >= settle_by_ns;
  }
  [[nodiscard]] std::string_view data() const { return data_.view(); }
  /// What the event counts in the window: its data and its text.
  [[nodiscard]] std::size_t weight() const {
    return data_.size() + ends()[kFixedTexts + 2 * metadata_count() - 1];
  }

  [[nodiscard]] std::string_view content_type() const { return text(0); }
  [[nodiscard]] std::string_view source_id() const { return text(1); }
  [[nodiscard]] std::string_view key() const { return text(2); }
  [[nodiscard]] std::string_view traceparent() const { return text(3); }
  [[nodiscard]] std::string_view tracestate() const { return text(4); }
  [[nodiscard]] std::string_view baggage() const { return text(5); }
  [[nodiscard]] std::uint32_t metadata_count() const { return *table(); }
  [[nodiscard]] std::string_view metadata_key(std::uint32_t i) const { return text(kFixedTexts + 2 * i); }
  [[nodiscard]] std::string_view metadata_value(std::uint32_t i) const {
    return text(kFixedTexts + 2 * i + 1);
  }

  /// Where delivery keeps the event: in exactly one of its lists.
  enum class Place : std::uint8_t {
    lane,     ///< behind others of its order
    ready,    ///< may start as soon as there is room
    running,  ///< a POST is out
    held,     ///< failed, waits for its next attempt
    blocked,  ///< waits for a person
    leaving   ///< its dead letter is to be written
  };

  // Kept by delivery, on the home thread.
  boost::intrusive::list_member_hook<> hook;  ///< of the list that `place` names
  std::uint64_t started_ns = 0;               ///< of the last attempt
  std::unique_ptr<EventTrouble> trouble;
  std::uint32_t attempts = 0;
  std::uint32_t breaker_period = 0;
  std::uint32_t delivery_count = 0;  ///< by the source, as it says
  Place place = Place::lane;
  bool withdrawn = false;
  bool alone = false;  ///< not with others in a batch: one failed as a whole

 private:
  static constexpr std::uint32_t kFixedTexts = 6;
  static std::array<cleat_str, kFixedTexts> fixed_texts(const cleat_event& from);

  Event() = default;
  ~Event() = default;

  // Behind the object stand the number of metadata entries, the ends of all texts, and the texts themselves.
  [[nodiscard]] const std::uint32_t* table() const {
    return reinterpret_cast<const std::uint32_t*>(this + 1);
  }
  [[nodiscard]] const std::uint32_t* ends() const { return table() + 1; }
  [[nodiscard]] std::string_view text(std::uint32_t i) const {
    const auto* chars = reinterpret_cast<const char*>(ends() + kFixedTexts + 2 * metadata_count());
    const std::uint32_t begin = i == 0 ? 0 : ends()[i - 1];
    return {chars + begin, ends()[i] - begin};
  }

  Buffer data_;
};

using EventPtr = std::unique_ptr<Event, Event::Free>;

}  // namespace cleat
