#include "settler.hpp"

#include <algorithm>

#include "wire.hpp"

namespace cleat::nats {
namespace {

/// Beyond it the oldest are forgotten: their messages may be worked on twice, should the server not have got them.
constexpr std::size_t kMostFinals = 20'000;

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

void Settler::settle(Session& session, std::vector<Settled> settled) {
  if (settled.empty()) return;
  for (const Settled& one : settled) {
    if (is_final(one)) finals_[one.item.key] = {one.item.ack, verdict_of(one), last_ + 1};
  }
  while (finals_.size() > kMostFinals)
    finals_.erase(finals_.begin());
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
  std::size_t left = finals_.size();
  for (auto& [key, one] : finals_) {
    one.number = last_ + 1;
    send(session, one.ack, one.verdict, --left == 0);
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
  for (auto one = finals_.begin(); one != finals_.end();)
    one = one->second.number <= number ? finals_.erase(one) : std::next(one);
  for (; !rounds_.empty() && rounds_.front().first <= number; rounds_.pop_front())
    renewed_ = rounds_.front().second;
}

bool Settler::settle_again(Session& session, const Key& key, const std::string& ack) {
  const auto found = finals_.find(key);
  if (found == finals_.end()) return false;
  found->second.ack = ack;
  found->second.number = last_ + 1;
  send(session, ack, found->second.verdict, true);
  return true;
}

}  // namespace cleat::nats
