#pragma once

#include <cstddef>
#include <cstdint>

#include "common/azure/place.hpp"
#include "common/waiting_list.hpp"

namespace cleat::storagequeues {

/// Sends what calls put into the queue, so many at a time that connections are left to renewals and deletions; what comes on
/// top waits for its turn, until its deadline. All on the loop's thread.
class Puts {
 public:
  static constexpr std::size_t kMostOut = 64;
  static constexpr std::size_t kMostWaiting = 4096;  ///< beyond these a call fails as throttled

  Puts(common::EventLoop& loop, azure::Place& queue);

  void send(azure::ServiceRequest request, azure::Place::Done done);
  /// Of one that waits; what is out is the connections' to end.
  void cancel(std::uint64_t tag);
  /// Who waits is told that the component stops.
  void close();

 private:
  struct Waiting {
    azure::ServiceRequest request;
    azure::Place::Done done;
  };

  void run();
  void ask(azure::ServiceRequest request, const azure::Place::Done& done);

  azure::Place& queue_;
  common::WaitingList<Waiting> waiting_;
  std::size_t out_ = 0;
  bool is_running_ = false;
};

}  // namespace cleat::storagequeues
