#pragma once

#include <cleat/plugin.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "common/azure/client.hpp"
#include "common/curl/far_end.hpp"
#include "common/waiting_list.hpp"

namespace cleat::azure {

/// Requests to the one queue or container of a component. It is made at the beginning, and again if it vanishes. All but the
/// constructor on the loop's thread.
class Place {
 public:
  struct Options {
    std::string path;                    ///< "/orders", encoded
    ServiceRequest look;                 ///< asks for nothing but whether it is there
    std::optional<ServiceRequest> make;  ///< makes it; without, it is taken to be there
    std::string there;                   ///< Azure's word for one that is there and was made otherwise
    std::string gone, going;  ///< Azure's words for one that is not there, and for one that is being deleted
  };
  using Tell = std::function<void(std::int32_t health, const std::string& why)>;
  using Done = Client::Done;

  /// `curl` and `account` outlive it. `tell` hears how the far end is after every answer, and, while it is not
  /// well, after looks that nobody asked for.
  Place(common::CurlLoop& curl, const Account& account, Options options, Tell tell);

  /// Makes it, again and again until it is there.
  void open();
  /// Sends a request whose path is behind the place's. One that comes while that is being made waits for that; one that
  /// comes after that failed fails like it, until the next attempt.
  void ask(ServiceRequest request, Done done);
  /// Whether it is there; nullptr: it is.
  void look(std::uint64_t deadline_ns, common::FarEnd::Answer done);
  /// Who waits is told that the component stops.
  void close();

 private:
  struct Waiting {
    ServiceRequest request;
    Done done;
  };

  void make(std::uint64_t deadline_ns, common::FarEnd::Answer done);
  void opened(const Failure* failure, const common::FarEnd::Answer& done);
  void wait(ServiceRequest request, Done done);
  void answer_all(const Failure& failure);
  void send(ServiceRequest request, Done done);
  [[nodiscard]] bool is_gone(const Failure& failure) const;
  [[nodiscard]] common::FarEnd::Says judge(const Failure& failure) const;

  const Options options_;
  Client client_;
  enum class State { closed, opening, open, failed } state_ = State::closed;
  Failure last_failure_;
  common::FarEnd far_end_;
  common::WaitingList<Waiting> waiting_;
};

}  // namespace cleat::azure
