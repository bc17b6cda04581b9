#pragma once

#include <cleat/plugin.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "common/azure/client.hpp"
#include "common/back_off.hpp"
#include "common/waiting_list.hpp"

namespace cleat::azure {

/// Requests to the one queue or container of a component. It is made at the beginning, and again if it vanishes. All but the
/// constructor on the loop's thread.
class Place {
 public:
  struct Options {
    std::string path;                    ///< "/orders", encoded
    std::optional<ServiceRequest> make;  ///< makes it; without, it is taken to be there
    std::string there;                   ///< Azure's word for one that is there and was made otherwise
    std::string gone, going;  ///< Azure's words for one that is not there, and for one that is being deleted
  };
  using Tell = std::function<void(std::int32_t health, const std::string& why)>;
  using Done = Client::Done;

  /// `curl` and `account` outlive it. `tell` hears how the far end is after every answer.
  Place(common::CurlLoop& curl, const Account& account, Options options, Tell tell);

  /// Makes it, again and again until it is there.
  void open();
  /// Sends a request whose path is behind the place's. One that comes while that is being made waits for that; one that
  /// comes after that failed fails like it, until the next attempt.
  void ask(ServiceRequest request, Done done);
  /// Sends a request of the place itself, whether it is there or not.
  void look(ServiceRequest request, Done done);
  /// Who waits is told that the component stops.
  void close();

 private:
  struct Waiting {
    ServiceRequest request;
    Done done;
  };

  void opened(const Failure* failure);
  void open_later(std::chrono::milliseconds at_least);
  void wait(ServiceRequest request, Done done);
  void answer_all(const Failure& failure);
  void send(ServiceRequest request, Done done);
  [[nodiscard]] bool is_gone(const Failure& failure) const;
  void learn(const Failure& failure);

  common::CurlLoop& curl_;
  const Options options_;
  Tell tell_;
  Client client_;
  enum class State { closed, opening, open, failed } state_ = State::closed;
  Failure last_failure_;
  common::BackOff back_off_;
  common::EventLoop::TimerId open_timer_ = 0;
  common::WaitingList<Waiting> waiting_;
};

}  // namespace cleat::azure
