#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "delivery/output_finder.hpp"

namespace cleat {

struct ReplyOutputsOptions {
  std::string component;
  bool on = false;                   ///< `replyOutputs: after-ack`
  std::vector<std::string> allowed;  ///< `replyOutputsAllowed`
  std::uint32_t max_running =
      256;  ///< calls at a time; beyond it an answer's outputs are refused, counted and logged
};

/// Calls the outputs that an application's answer names: {"to": [...], "data": ..., "concurrency": "parallel"}, as
/// dapr-runtime.md §3.6. After the event was acknowledged, so what fails here is counted and logged and changes nothing else.
class ReplyOutputs {
 public:
  ReplyOutputs(ReplyOutputsOptions options, std::uint32_t shard, OutputFinder find, Log& log);
  /// What is out ends without a word to anybody; of what waits for its turn nothing is called.
  ~ReplyOutputs();

  [[nodiscard]] bool on() const { return options_.on; }
  /// Begins the calls that the body asks for, if it is a JSON object with `to`. `event` names the event in the log. Home thread.
  void run(std::string_view body, std::string_view event);

  [[nodiscard]] std::uint32_t running() const;
  [[nodiscard]] std::uint64_t failed() const;
  /// `idle` runs once no call is out, perhaps at once. For a stop: outputs stay callable until then. Home thread.
  void when_idle(Task idle);

 private:
  struct State;
  ReplyOutputsOptions options_;
  std::shared_ptr<State> state_;
};

}  // namespace cleat
