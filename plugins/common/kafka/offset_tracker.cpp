#include "common/kafka/offset_tracker.hpp"

#include <algorithm>

namespace cleat::kafka {

std::uint64_t OffsetTracker::add(std::int64_t offset) {
  entries_.push_back({offset, State::out});
  ++outstanding_;
  return first_number_ + entries_.size() - 1;
}

void OffsetTracker::take_back() {
  entries_.pop_back();
  --outstanding_;
}

void OffsetTracker::skip(std::int64_t offset) {
  acked_above_.erase(offset);
  entries_.push_back({offset, State::acked});
  advance();
}

bool OffsetTracker::reach(std::int64_t offset) {
  const std::int64_t end = entries_.empty() ? position_ : entries_.back().offset + 1;
  if (given_back_ || offset <= std::max(end, reached_)) return false;
  reached_ = offset;
  advance();
  return true;
}

void OffsetTracker::settle(std::uint64_t number, bool acked) {
  if (number < first_number_ || number - first_number_ >= entries_.size()) return;
  Entry& entry = entries_[static_cast<std::size_t>(number - first_number_)];
  if (entry.state != State::out) return;
  entry.state = acked ? State::acked : State::given_back;
  given_back_ = given_back_ || !acked;
  --outstanding_;
  advance();
}

void OffsetTracker::advance() {
  while (!entries_.empty() && entries_.front().state == State::acked) {
    position_ = entries_.front().offset + 1;
    entries_.pop_front();
    ++first_number_;
  }
  if (entries_.empty()) position_ = std::max(position_, reached_);
}

void OffsetTracker::rewind() {
  for (const Entry& entry : entries_) {
    if (entry.state == State::acked) acked_above_.insert(entry.offset);
  }
  first_number_ += entries_.size();
  entries_.clear();
  given_back_ = false;
  reached_ = 0;  // it is read again
}

}  // namespace cleat::kafka
