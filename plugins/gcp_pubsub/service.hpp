#pragma once

#include <cleat/plugin.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "common/google/client.hpp"
#include "common/json_value.hpp"
#include "common/lookout.hpp"
#include "common/told_health.hpp"
#include "pubsub_config.hpp"

namespace cleat::pubsub {

/// What is asked of the service. How each of them fares is told apart: who may read need not be allowed to write.
enum class Action { look_at_topic, look_at_subscription, publish, pull, acknowledge, modify };
constexpr std::size_t kActions = 6;

/// Requests to Pub/Sub in the component's name, and how it is. All but the constructor on the loop's thread.
class Service {
 public:
  struct Answer {
    const common::JsonValue* json = nullptr;   ///< of a good answer
    const google::Failure* failure = nullptr;  ///< otherwise
    const common::JsonValue* refusal =
        nullptr;  ///< beside it, of acknowledge and modify: the JSON of an answer of 400
  };
  using Done = std::function<void(const Answer&)>;

  /// `curl` and `config` outlive it.
  Service(Host host, common::CurlLoop& curl, const PubSubConfig& config);

  struct Ask {
    Action action = Action::publish;
    std::string name;  ///< of the topic or subscription, in full
    std::string body;  ///< JSON
    std::uint64_t tag = 0;
    std::uint64_t deadline_ns = 0;
    std::function<void()> on_begin;  ///< as in HttpRequest
  };
  /// `done` is called once, by the deadline at the latest.
  void ask(Ask ask, Done done);
  /// Whether the component's topic or subscription is there; who may not look is answered with DENIED.
  void look(Action action, std::uint64_t deadline_ns, Done done);
  /// Looks at what the directions need until it is there.
  void open(bool reads, bool writes);
  /// Nothing is pulled any more: how that fared tells nothing of how the component is.
  void forget_reading();
  void close();

  /// A pull that found nothing for as long as somebody on the way was patient.
  static bool is_no_news(const google::Failure& failure) {
    return failure.status == CLEAT_TIMEOUT || failure.http_status == 504;
  }
  [[nodiscard]] common::EventLoop& loop() { return curl_.loop(); }

 private:
  struct State {
    std::int32_t health = CLEAT_HEALTH_UNKNOWN;
    bool is_passing = false;  ///< of the connection, not of this action: another that succeeds ends it
    bool is_missing = false;  ///< what was asked for was not there
    std::string why;
    common::EventLoop::Clock::time_point seen_at;  ///< for the last time
    [[nodiscard]] bool is_wrong() const {
      return health == CLEAT_HEALTH_DOWN || health == CLEAT_HEALTH_DEGRADED;
    }
  };

  [[nodiscard]] google::Failure unfit(const std::string& why) const;
  State& state(Action action) { return states_.at(static_cast<std::size_t>(action)); }
  void take_well(Action action, bool was_seen);
  void note(Action action, bool is_ours, const google::Failure* failure);
  void tell();
  void look_around(std::uint64_t deadline_ns, const common::Lookout::Done& done);
  void forget_what_is_old();
  [[nodiscard]] bool needs_looks() const;

  common::CurlLoop& curl_;
  const PubSubConfig& config_;
  google::Client client_;
  common::ToldHealth health_;
  std::array<State, kActions> states_;
  bool reads_ = false, writes_ = false;
  common::Lookout lookout_;
};

}  // namespace cleat::pubsub
