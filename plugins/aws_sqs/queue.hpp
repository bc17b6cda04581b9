#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/aws/client.hpp"
#include "common/json_value.hpp"
#include "common/lookout.hpp"
#include "sqs_config.hpp"

namespace cleat::sqs {

/// What is asked of a queue. How each of them fares is told apart: who may read need not be allowed to write.
enum class Action { find, look, receive, send, remove, change };
constexpr std::size_t kActions = 6;

/// The queue at the far end: its address, requests to it, and how it is. On the loop's thread.
class Queue {
 public:
  using Done = std::function<void(const common::JsonValue* answer, const aws::Failure* failure)>;
  /// CLEAT_HEALTH_UP, DEGRADED or DOWN, and why.
  using Watcher = std::function<void(std::int32_t health, const std::string& why)>;

  Queue(common::CurlLoop& curl, const SqsConfig& config, Watcher watcher);

  /// Finds the queue, and goes on until it is found.
  void open();
  /// `ready` is called when the queue's address is known, or with what stands against it; from inside if that is known now.
  void when_found(std::function<void(const aws::Failure* failure)> ready);

  struct Ask {
    Action action = Action::send;
    std::string members;  ///< of the request, behind QueueUrl: `,"Entries":[...]`
    bool may_run_twice = true;
    std::uint64_t tag = 0;
    std::uint64_t deadline_ns = 0;
    std::function<void()> on_begin;  ///< as in HttpRequest
  };
  /// Only when it was found. `done` gets the JSON of a good answer, or what went wrong.
  void ask(Ask ask, Done done);
  /// Whether the queue answers; nullptr: it does. Only when it was found.
  void look(std::uint64_t deadline_ns, std::function<void(const aws::Failure*)> done);
  void close();

  [[nodiscard]] bool is_found() const { return !url_.empty(); }
  [[nodiscard]] common::EventLoop& loop() { return curl_.loop(); }

 private:
  struct State {
    std::int32_t health = CLEAT_HEALTH_UNKNOWN;
    bool is_passing = false;  ///< of the connection, not of this action: another that succeeds ends it
    bool is_denied = false;
    std::string why;
    common::EventLoop::Clock::time_point seen_at;  ///< for the last time
    [[nodiscard]] bool is_wrong() const {
      return health == CLEAT_HEALTH_DOWN || health == CLEAT_HEALTH_DEGRADED;
    }
  };

  State& state(Action action) { return states_.at(static_cast<std::size_t>(action)); }
  void find(std::uint64_t deadline_ns, const common::Lookout::Done& done);
  void found(const common::JsonValue* answer, const aws::Failure* failure);
  void note(Action action, const aws::Failure* failure);
  void take_well(Action action);
  [[nodiscard]] bool needs_looks() const;
  void looked(const aws::Failure* failure, const common::Lookout::Done& done);
  void tell();
  void send(Action action, std::string body, const Ask& ask, Done done);

  common::CurlLoop& curl_;
  const SqsConfig& config_;
  Watcher watcher_;
  aws::Client client_;
  std::string url_, url_json_;
  std::vector<std::function<void(const aws::Failure*)>> waiting_;
  aws::Failure last_failure_;  ///< of finding it
  std::array<State, kActions> states_;
  common::Lookout lookout_;
};

}  // namespace cleat::sqs
