#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "delivery/application.hpp"
#include "http/event_headers.hpp"

namespace cleat::http {

/// Where a component's events go: the parts of its requests that never change.
struct AppTarget {
  std::string post_head;     ///< request line and the headers that no event decides
  std::string batch_head;    ///< the same for a batch, up to the value of its size
  std::string options_head;  ///< the whole probe
  EventHeaderOptions headers;
  bool reads_answers = false;  ///< to a single event: what is in them matters, not only their status
  WallText wall;
};

/// One request to the application and who waits for its answer. Target, cargo and handler outlive the call.
struct AppCall {
  /// Nothing: a probe.
  using Cargo = std::variant<std::monostate, Event*, Batch*>;

  AppTarget* target = nullptr;
  Cargo cargo;
  AnswerHandler* handler = nullptr;
  UniqueFunction<void(const Answer&)> on_probed;
  std::uint64_t timeout_ns = 0;  ///< from its sending to the end of its answer; 0: none

  [[nodiscard]] Event* event() const {
    Event* const* held = std::get_if<Event*>(&cargo);
    return held == nullptr ? nullptr : *held;
  }
  [[nodiscard]] Batch* batch() const {
    Batch* const* held = std::get_if<Batch*>(&cargo);
    return held == nullptr ? nullptr : *held;
  }
  /// Whether it, or one of its events, may no longer begin at that instant of the loop's clock.
  [[nodiscard]] bool is_expired(std::uint64_t now_ns) const {
    const auto one_is = [now_ns](const Event* one) { return one->is_expired(now_ns); };
    if (const Event* one = event()) return one_is(one);
    const Batch* many = batch();
    return many != nullptr && std::any_of(many->events.begin(), many->events.end(), one_is);
  }
  void answer(const Answer& answer, std::span<const std::optional<Verdict>> verdicts = {}) {
    if (Event* one = event()) return handler->on_answer(*one, answer);
    if (Batch* many = batch()) return handler->on_batch_answer(*many, answer, verdicts);
    on_probed(answer);
  }
};

}  // namespace cleat::http
