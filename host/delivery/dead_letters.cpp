#include "delivery/dead_letters.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace cleat {

DeadLetters::DeadLetters(DeadLettersOptions options, DeadLetterWriter writer, Queues& queues, Loop& home,
                         DeadLettersOwner& owner, Log& log, std::minstd_rand& random)
    : options_(std::move(options)),
      writer_(std::move(writer)),
      queues_(queues),
      home_(home),
      owner_(owner),
      log_(log),
      random_(random) {}

void DeadLetters::add(Event& event) {
  queues_.add(event, Event::Place::leaving);
  pump();
}

// Those in a row and those on their way together never exceed the burst, so the brake holds exactly there. A write may end
// inside its own call, so this may be entered from within.
void DeadLetters::pump() {
  if (pumping_) return;
  pumping_ = true;
  bool again = true;
  while (again) {
    again = false;
    for (Event& event : queues_.list(Event::Place::leaving)) {
      if (writing_.size() >= options_.max_writing || is_stalled() ||
          in_a_row_ + writing_.size() >= options_.burst)
        break;
      if (event.trouble->writing || event.trouble->due_hook.is_linked()) continue;
      write(event);
      again = true;  // the list may have changed
      break;
    }
  }
  pumping_ = false;
}

void DeadLetters::write(Event& event) {
  event.trouble->writing = true;
  const std::uint64_t number = ++last_number_;
  writing_.emplace(number, &event);
  writer_.write(event, owner_.attempts_of(event),
                [this, number, alive = std::weak_ptr<char>(alive_)](OutputResult&& result) {
                  if (!alive.expired()) on_written(number, std::move(result));
                });
}

void DeadLetters::on_written(std::uint64_t number, OutputResult&& result) {
  const auto found = writing_.find(number);
  if (found == writing_.end()) return;  // given up meanwhile
  Event& event = *found->second;
  writing_.erase(found);
  event.trouble->writing = false;
  if (result.status == CLEAT_OK) {
    stalled_ = ++in_a_row_ >= options_.burst || stalled_;
    if (failing_)
      log_.info("dead letters are written again",
                {{"component", options_.component}, {"to", writer_.target()}});
    failing_ = false;
    queues_.take(event);
    owner_.on_dead_letter_written(event);
  } else if (result.status == CLEAT_TOO_LARGE &&
             !(options_.envelope_only_when_too_large && !event.trouble->envelope_only)) {
    queues_.take(event);
    event.trouble->obstacle =
        fmt::format("its dead letter is too large for {}: {}", writer_.target(), result.error);
    owner_.on_dead_letter_refused(event);
  } else {
    try_again(event, std::move(result));
  }
  pump();
  owner_.on_dead_letters_changed();
}

void DeadLetters::try_again(Event& event, OutputResult&& result) {
  EventTrouble& trouble = *event.trouble;
  if (result.status == CLEAT_TOO_LARGE) {
    trouble.envelope_only = true;
    return;
  }
  if (!failing_) {
    log_.warn("a dead letter cannot be written: the event is held and written again until it is",
              {{"component", options_.component},
               {"to", writer_.target()},
               {"event", name_of(event)},
               {"reason", result.error}});
  }
  failing_ = true;
  if (!owner_.may_wait(event)) {
    queues_.take(event);
    return owner_.on_dead_letter_refused(event);
  }
  ++trouble.failed_writes;
  trouble.obstacle =
      fmt::format("its dead letter cannot be written to {}: {}", writer_.target(), result.error);
  queues_.wait_until(event, home_.now_ns() + options_.retry.delay_ns(trouble.failed_writes, random_));
}

}  // namespace cleat
