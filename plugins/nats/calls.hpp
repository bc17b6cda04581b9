#pragma once

#include <cleat/plugin.hpp>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "answers.hpp"
#include "outgoing.hpp"

namespace cleat::nats {

/// What a call wants sent, and until when it has to be answered.
struct Letter {
  Outgoing outgoing;
  Message message;  ///< until it is sent
  std::uint64_t answer_by_ns = 0;
  std::size_t size = 0;  ///< of headers and data
};

/// A call that is not completed.
struct Pending : Letter {
  Pending(Letter&& letter, Call&& call_) : Letter(std::move(letter)), call(std::move(call_)) {}
  Call call;
  bool is_sent = false;
};

/// The calls of an output, with their bounds and their time: each is completed once, by whoever takes it out first. Any thread.
class Calls {
 public:
  using Why = std::function<CallFailure(const Pending&)>;
  /// A message that is to be sent now.
  struct Taken {
    std::uint64_t id;
    Message message;
    Kind kind;
    std::size_t size;
  };

  Calls(Host host, std::size_t most) : host_(host), most_(most) {}

  /// Takes the call in, its letter to be sent. Throws Error, and leaves the call alone, if the component stops, has no
  /// connection, or has too many.
  void add(std::uint64_t id, Call&& call, Letter&& letter);
  /// The next messages to send; they count as sent from here on.
  [[nodiscard]] std::vector<Taken> take_queue();
  [[nodiscard]] bool has_any(const std::vector<std::uint64_t>& ids) const;
  /// The call, which its new owner completes; nothing if it is completed already.
  [[nodiscard]] std::optional<Pending> take(std::uint64_t id);
  /// The same if it is not sent yet.
  [[nodiscard]] std::optional<Pending> take_unsent(std::uint64_t id);
  void fail(std::uint64_t id, const Why& why);
  /// Fails those that `is_one` says.
  void fail_if(const std::function<bool(const Pending&)>& is_one, const Why& why);
  /// There is a connection; or there is none and what comes fails at once, as all that is here does.
  void set_up();
  void set_down(const Failure& failure);
  /// From here on no call is taken in. Waits for those that are out, and keeps their time.
  void stop(Deadline deadline);
  [[nodiscard]] bool is_stopping() const;

 private:
  std::optional<Pending> take_locked(std::uint64_t id);
  std::uint64_t expire();
  void arm(std::uint64_t at_ns);

  Host host_;
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::condition_variable empty_;
  std::unordered_map<std::uint64_t, Pending> calls_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> deadlines_;  ///< answer by, call
  std::deque<std::uint64_t> queue_;                              ///< not sent yet
  std::size_t queued_bytes_ = 0;
  std::uint64_t armed_ns_ = 0;
  bool is_stopping_ = false;
  std::optional<Failure> down_;
};

}  // namespace cleat::nats
