#include "settler.hpp"

#include <algorithm>

#include "wire.hpp"

namespace cleat::nats {
namespace {

constexpr std::size_t kMostFinals = 8'192;

/// What the server is told; empty: nothing, and it gives the message out again when the lease has run out.
std::string verdict_of(const Settled& one) {
  switch (one.verdict) {
    case CLEAT_ACK:
      return std::string(kAck);
    case CLEAT_REJECT:
      return std::string(kTerm);
    case CLEAT_ABANDON:
      // Whoever has it by now is not to be disturbed.
      return one.may_still_run || one.item.is_withdrawn ? std::string() : nak(0);
    default:
      return one.item.is_withdrawn ? std::string() : nak(one.after_ms);
  }
}

bool is_final(const Settled& one) {
  return one.verdict == CLEAT_ACK || one.verdict == CLEAT_REJECT;
}

}  // namespace

void Settler::send(Session& session, const std::string& ack, std::string_view verdict, bool asks) {
  const natsStatus status =
      session.publish(ack, asks ? inbox_ + "." + std::to_string(++last_) : std::string(), verdict);
  if (status == NATS_OK) return;
  const Failure failure = failure_of(status, "an acknowledgement cannot be sent");
  throw Error(failure.status, failure.text, CLEAT_RETRYABLE, status);
}

void Settler::forget() {
  finals_.clear();
  order_.clear();
  unproved_.clear();
}

void Settler::keep(const Key& key, const std::string& ack, std::string_view verdict) {
  const auto [place, is_new] = finals_.insert_or_assign(key, Final{ack, verdict, last_ + 1});
  unproved_.emplace_back(last_ + 1, key);
  if (!is_new) return;
  order_.push_back(key);
  if (order_.size() <= kMostFinals) return;
  finals_.erase(order_.front());
  order_.pop_front();
}

void Settler::settle(Session& session, const std::vector<Settled>& settled) {
  for (const Settled& one : settled) {
    if (is_final(one)) keep(one.item.key, one.item.ack, one.verdict == CLEAT_ACK ? kAck : kTerm);
  }
  for (const Settled& one : settled) {
    const std::string verdict = verdict_of(one);
    if (!verdict.empty()) send(session, one.item.ack, verdict, &one == &settled.back());
  }
}

void Settler::give_back(Session& session, const std::deque<Item>& items) {
  for (const Item& item : items)
    send(session, item.ack, nak(0), &item == &items.back());
}

void Settler::repeat(Session& session) {
  // Numbers of the last connection are not answered any more.
  proved_ = last_;
  rounds_.clear();
  unproved_.clear();
  for (const Key& key : order_) {
    Final& one = finals_.at(key);
    if (one.ack.empty()) continue;
    one.number = last_ + 1;
    unproved_.emplace_back(one.number, key);
    send(session, one.ack, one.verdict, true);
  }
}

void Settler::renew(Session& session, const Intake& intake, TimePoint now) {
  std::string held;
  intake.for_each_lease([&](const std::string& ack) {
    if (!held.empty()) send(session, held, kInProgress, false);
    held = ack;
  });
  if (held.empty()) return;
  send(session, held, kInProgress, true);
  rounds_.emplace_back(last_, now);
}

void Settler::proved(std::uint64_t number) {
  if (number <= proved_ || number > last_) return;
  proved_ = number;
  for (; !unproved_.empty() && unproved_.front().first <= number; unproved_.pop_front()) {
    const auto found = finals_.find(unproved_.front().second);
    if (found != finals_.end() && found->second.number <= number) found->second.ack = {};
  }
  for (; !rounds_.empty() && rounds_.front().first <= number; rounds_.pop_front())
    renewed_ = rounds_.front().second;
}

bool Settler::settle_again(Session& session, const Key& key, const std::string& ack) {
  const auto found = finals_.find(key);
  if (found == finals_.end()) return false;
  const std::string_view verdict = found->second.verdict;
  keep(key, ack, verdict);
  send(session, ack, verdict, true);
  return true;
}

}  // namespace cleat::nats
