#pragma once

#include <cleat/values.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/aws/sha256.hpp"
#include "common/curl/answer.hpp"
#include "common/event_loop.hpp"
#include "common/waiting_list.hpp"

namespace cleat::aws {

/// SHA-256 of large bodies, of which each MiB takes a millisecond or two: one body after the other, a piece in each turn of
/// the loop, so that what else is on it has its turn too. All but the constructor on the loop's thread.
class BodyHashes {
 public:
  static constexpr std::size_t kPieceBytes = std::size_t{256} << 10U;  ///< what is smaller need not come here

  /// Exactly one of the two is given, for the time of the call: the hash in hexadecimal, or why there is none.
  using Done = std::function<void(const std::string* hash, const common::ServiceFailure* failure)>;

  /// `loop` outlives it.
  explicit BodyHashes(common::EventLoop& loop);
  BodyHashes(const BodyHashes&) = delete;
  BodyHashes& operator=(const BodyHashes&) = delete;

  /// Calls `done` once, by `deadline_ns` (CLOCK_MONOTONIC) at the latest; `body` stays until then. At most 4,096 may wait; who
  /// comes on top is throttled, from inside.
  void add(std::string_view body, std::uint64_t tag, std::uint64_t deadline_ns, Done done);
  /// Ends what was added with this tag.
  void cancel(std::uint64_t tag);
  /// Who waits is told that the component stops. Only the destructor may follow, after the loop has stopped.
  void close();

 private:
  struct Job {
    std::string_view body;
    std::uint64_t tag = 0;
    Deadline deadline;
    Done done;
    std::optional<Sha256> hash{};  ///< of the bytes before `at`
    std::size_t at = 0;
  };

  void go_on();
  void turn();
  static std::optional<std::string> add_piece(Job& job);
  void end_current(const std::string* hash, const common::ServiceFailure* failure);

  common::EventLoop& loop_;
  common::WaitingList<Job> waiting_;
  std::optional<Job> current_;  ///< what is worked on
  bool is_turn_due_ = false;
};

}  // namespace cleat::aws
