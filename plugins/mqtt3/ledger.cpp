#include "ledger.hpp"

#include <utility>

namespace cleat::mqtt {

Ledger::Arrival Ledger::arrive(MessagePtr message) {
  const std::uint16_t packet_id = message->packet_id;
  if (const auto known = packets_.find(packet_id); packet_id != 0 && known != packets_.end()) {
    const std::uint64_t number = known->second;
    Entry& entry = entries_.at(number);
    // An equal message may be a new one: the first time on a connection, only the broker's word makes it a repetition.
    if (entry.digest == message->digest && (message->duplicate || entry.in_order)) {
      if (!std::exchange(entry.in_order, true)) {
        order_.push_back(number);
        if (entry.is_done) ++done_in_order_;
      }
      return Arrival::known;
    }
    if (entry.in_order) return Arrival::contradicts;
    // The number means another message now, so the session is not the one that the old message came in.
    const bool was_done = entry.is_done;
    forget_packet(entry);
    if (was_done) entries_.erase(number);
  }
  const std::uint64_t number = ++numbers_;
  Entry& entry = entries_[number];
  entry.digest = message->digest;
  entry.packet_id = packet_id;
  entry.message = std::move(message);
  if (packet_id != 0) {
    entry.in_order = true;
    order_.push_back(number);
    packets_[packet_id] = number;
  }
  waiting_.insert(number);
  return Arrival::fresh;
}

std::vector<Ledger::Waiting> Ledger::waiting(std::size_t most) const {
  std::vector<Waiting> found;
  for (auto each = waiting_.begin(); each != waiting_.end() && found.size() < most; ++each)
    found.push_back({*each, entries_.at(*each).message});
  return found;
}

void Ledger::offered(std::uint64_t id) {
  const std::uint64_t number = *waiting_.begin();
  waiting_.erase(waiting_.begin());
  entries_.at(number).event = id;
  events_[id] = number;
}

void Ledger::forget_packet(Entry& entry) {
  packets_.erase(entry.packet_id);
  entry.packet_id = 0;
  entry.in_order = false;
}

void Ledger::finish(std::uint64_t number, Entry& entry) {
  if (entry.packet_id == 0) {
    entries_.erase(number);
    return;
  }
  entry.is_done = true;
  entry.message.reset();
  if (entry.in_order) ++done_in_order_;
}

void Ledger::settle(std::uint64_t id, bool is_done) {
  const auto found = events_.find(id);
  if (found == events_.end()) return;
  const std::uint64_t number = found->second;
  events_.erase(found);
  Entry& entry = entries_.at(number);
  entry.event = 0;
  if (is_done)
    finish(number, entry);
  else
    waiting_.insert(number);
}

std::vector<std::uint16_t> Ledger::take_acknowledgeable() {
  std::vector<std::uint16_t> found;
  while (!order_.empty()) {
    const auto front = entries_.find(order_.front());
    if (!front->second.is_done) break;
    found.push_back(front->second.packet_id);
    packets_.erase(front->second.packet_id);
    entries_.erase(front);
    order_.pop_front();
    --done_in_order_;
  }
  return found;
}

Ledger::Waiting Ledger::front() const {
  if (order_.empty() || entries_.at(order_.front()).is_done) return {};
  return {order_.front(), entries_.at(order_.front()).message};
}

void Ledger::connection_lost() {
  for (const std::uint64_t number : order_)
    entries_.at(number).in_order = false;
  order_.clear();
  done_in_order_ = 0;
}

void Ledger::session_gone() {
  connection_lost();
  for (const auto& [packet_id, number] : packets_) {
    const auto entry = entries_.find(number);
    entry->second.packet_id = 0;
    if (entry->second.is_done) entries_.erase(entry);
  }
  packets_.clear();
}

std::vector<std::uint64_t> Ledger::session_taken() {
  connection_lost();
  std::vector<std::uint64_t> out;
  for (const auto& [packet_id, number] : packets_) {
    const auto entry = entries_.find(number);
    if (entry->second.event != 0) {
      out.push_back(entry->second.event);
      events_.erase(entry->second.event);
    }
    waiting_.erase(number);
    entries_.erase(entry);
  }
  packets_.clear();
  return out;
}

}  // namespace cleat::mqtt
