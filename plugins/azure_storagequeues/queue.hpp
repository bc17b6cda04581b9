#pragma once

#include <cleat/plugin.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/azure/back_off.hpp"
#include "common/azure/client.hpp"
#include "queue_config.hpp"

namespace cleat::storagequeues {

/// Requests to the one queue. It is made when it is first needed, and again if it vanishes. All but the constructor on the
/// loop's thread.
class Queue {
 public:
  using Tell = std::function<void(std::int32_t health, const std::string& why)>;
  using Done = azure::Client::Done;

  /// `curl` and `config` outlive it. `tell` hears how the far end is after every answer.
  Queue(common::CurlLoop& curl, const QueueConfig& config, Tell tell);

  /// Makes the queue, again and again until it is there.
  void open();
  /// Sends a request whose path is behind the queue's. One that comes while the queue is being made waits for that; one that
  /// comes after that failed fails like it, until the next attempt.
  void ask(azure::ServiceRequest request, Done done);
  /// Sends a request of the queue itself at once.
  void look(std::uint64_t deadline_ns, Done done);
  /// Who waits is told that the component stops.
  void close();

 private:
  struct Waiting {
    std::uint64_t id = 0;
    common::EventLoop::TimerId timer = 0;
    azure::ServiceRequest request;
    Done done;
  };

  void opened(const azure::Failure* failure);
  void open_later(std::chrono::milliseconds at_least);
  void wait(azure::ServiceRequest request, Done done);
  void answer_all(const azure::Failure& failure);
  void send(azure::ServiceRequest request, Done done);
  void learn(const azure::Failure& failure);

  common::CurlLoop& curl_;
  const QueueConfig& config_;
  Tell tell_;
  azure::Client client_;
  enum class State { closed, opening, open, failed } state_ = State::closed;
  azure::Failure last_failure_;
  azure::BackOff back_off_;
  common::EventLoop::TimerId open_timer_ = 0;
  std::uint64_t last_id_ = 0;
  std::vector<Waiting> waiting_;
};

}  // namespace cleat::storagequeues
