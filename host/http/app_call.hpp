#pragma once

#include <cstdint>
#include <string>

#include "delivery/application.hpp"
#include "http/event_headers.hpp"

namespace cleat::http {

/// Where a component's events go: the parts of its requests that never change.
struct AppTarget {
  std::string post_head;     ///< request line and the headers that no event decides
  std::string options_head;  ///< the whole probe
  EventHeaderOptions headers;
};

/// One request to the application and who waits for its answer. Target, event and handler outlive the call.
struct AppCall {
  const AppTarget* target = nullptr;
  Event* event = nullptr;  ///< nullptr: a probe
  AnswerHandler* handler = nullptr;
  UniqueFunction<void(const Answer&)> on_probed;
  std::uint64_t timeout_ns = 0;  ///< from its start on; 0: none

  void answer(const Answer& answer) {
    if (event != nullptr) {
      handler->on_answer(*event, answer);
    } else {
      on_probed(answer);
    }
  }
};

}  // namespace cleat::http
