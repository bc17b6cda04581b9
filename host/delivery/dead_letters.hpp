#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>

#include "base/log.hpp"
#include "base/loop.hpp"
#include "delivery/dead_letter.hpp"
#include "delivery/queues.hpp"
#include "policy/backoff.hpp"

namespace cleat {

class DeadLettersOwner {
 public:
  virtual ~DeadLettersOwner() = default;
  [[nodiscard]] virtual std::uint32_t attempts_of(const Event& event) const = 0;
  /// It is written. The event is in no list.
  virtual void on_dead_letter_written(Event& event) = 0;
  /// Whether it may wait for another attempt to write it. If not, on_dead_letter_refused() follows.
  [[nodiscard]] virtual bool may_wait(const Event& event) const = 0;
  /// It will not be written. The event is in no list, its trouble says why.
  virtual void on_dead_letter_refused(Event& event) = 0;
  /// It failed and is tried again later, or the brake was pulled.
  virtual void on_dead_letters_changed() = 0;
};

struct DeadLettersOptions {
  std::string component;
  std::uint32_t burst = 100;       ///< in a row without an ack between them; then it stops
  std::uint32_t max_writing = 16;  ///< at a time
  bool envelope_only_when_too_large = false;
  Backoff retry{500 * kMillisecond, 30 * kSecond};
};

/// The events of a component whose dead letter is to be written: they wait in Place::leaving until it is.
class DeadLetters {
 public:
  DeadLetters(DeadLettersOptions options, DeadLetterWriter writer, Queues& queues, Loop& home,
              DeadLettersOwner& owner, Log& log, std::minstd_rand& random);

  [[nodiscard]] const DeadLetterWriter& writer() const { return writer_; }
  [[nodiscard]] bool has_target() const { return writer_.to() != DeadLetterOptions::To::nowhere; }

  /// Takes an event with trouble that is in no list.
  void add(Event& event);
  /// Begins the writes that may begin.
  void pump();
  void on_acked() { in_a_row_ = 0; }
  /// There were too many in a row: nothing is written and no attempt begins until resume().
  [[nodiscard]] bool is_stalled() const { return stalled_; }
  void resume() {
    stalled_ = false;
    in_a_row_ = 0;
  }
  /// Gives up the writes that are out: their results are ignored, their events stay in Place::leaving.
  void forget_writes() { writing_.clear(); }
  [[nodiscard]] std::size_t writing() const { return writing_.size(); }
  [[nodiscard]] bool is_failing() const { return failing_; }

 private:
  void write(Event& event);
  void on_written(std::uint64_t number, OutputResult&& result);
  void try_again(Event& event, OutputResult&& result);

  const DeadLettersOptions options_;
  const DeadLetterWriter writer_;
  Queues& queues_;
  Loop& home_;
  DeadLettersOwner& owner_;
  Log& log_;
  std::minstd_rand& random_;

  std::unordered_map<std::uint64_t, Event*> writing_;
  std::uint64_t last_number_ = 0;
  std::uint32_t in_a_row_ = 0;
  bool stalled_ = false;
  bool failing_ = false;
  bool pumping_ = false;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  ///< a write may end after this object is gone
};

}  // namespace cleat
