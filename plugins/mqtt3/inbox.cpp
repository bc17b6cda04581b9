#include "inbox.hpp"

#include <algorithm>
#include <chrono>
#include <deque>

#include "event.hpp"

namespace cleat::mqtt {
namespace {

constexpr std::size_t kBatch = 64;

std::string name_of_run() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

}  // namespace

Inbox::Inbox(Host host, const Wake& wake) : host_(host), wake_(wake), run_(name_of_run()) {}

void Inbox::begin(const Window& window) {
  {
    const std::lock_guard lock(mutex_);
    is_reading_ = true;
  }
  set_window(window);
}

void Inbox::set_window(const Window& window) {
  {
    const std::lock_guard lock(mutex_);
    window_ = window;
    if (window.max_events != 0) last_window_ = window.max_events;
    was_refused_ = false;
  }
  wake_.notify();
}

void Inbox::end() {
  const std::lock_guard lock(mutex_);
  is_reading_ = false;
}

void Inbox::settle(const Settlements& settlements) {
  {
    const std::lock_guard lock(mutex_);
    for (const cleat_settlement* one : settlements)
      ledger_.settle(one->event_id, one->verdict == CLEAT_ACK);
    was_refused_ = false;
  }
  wake_.notify();
}

std::uint16_t Inbox::limit(std::uint16_t wanted) {
  if (wanted != 0) return wanted;
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint16_t>(std::clamp<std::uint32_t>(last_window_, 1, UINT16_MAX));
}

bool Inbox::has_room(unsigned qos, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  if (!is_reading_ || was_refused_) return false;
  if (ledger_.with_host() + ledger_.waiting_count() >= window_.max_events) return false;
  return qos == 0 || ledger_.unacknowledged() < limit;
}

Ledger::Arrival Inbox::take(const Publish& publish) {
  MessagePtr message = keep(publish);
  const std::lock_guard lock(mutex_);
  return ledger_.arrive(std::move(message));
}

bool Inbox::deliver() {
  const std::lock_guard lock(mutex_);
  while (is_reading_ && !was_refused_) {
    const std::vector<Ledger::Waiting> waiting = ledger_.waiting(kBatch);
    if (waiting.empty()) break;
    std::deque<Event> events;
    std::vector<cleat_event*> pointers;
    for (const Ledger::Waiting& one : waiting)
      pointers.push_back(events.emplace_back(one.message, ++ids_, name_of(one)).raw());
    std::uint32_t accepted = 0;
    const cleat_status status =
        host_.deliver(pointers.data(), static_cast<std::uint32_t>(pointers.size()), accepted);
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (i < accepted)
        ledger_.offered(pointers[i]->id);
      else
        events[i].take_back();
    }
    if (status == CLEAT_INVALID || status == CLEAT_INTERNAL) return false;
    was_refused_ = status != CLEAT_OK;
  }
  return true;
}

std::vector<std::uint16_t> Inbox::take_acknowledgeable() {
  const std::lock_guard lock(mutex_);
  return ledger_.take_acknowledgeable();
}

std::string Inbox::name_of(const Ledger::Waiting& one) const {
  return one.message->topic + '@' + run_ + '-' + std::to_string(one.number);
}

Inbox::Held Inbox::holding(std::size_t limit) {
  const std::lock_guard lock(mutex_);
  if (ledger_.unacknowledged() < limit || ledger_.done_behind() == 0) return {};
  const Ledger::Waiting front = ledger_.front();
  if (front.number == 0) return {};
  return {front.number, name_of(front)};
}

std::size_t Inbox::unacknowledged() {
  const std::lock_guard lock(mutex_);
  return ledger_.unacknowledged();
}

void Inbox::connection_lost() {
  const std::lock_guard lock(mutex_);
  ledger_.connection_lost();
}

void Inbox::session_gone() {
  const std::lock_guard lock(mutex_);
  ledger_.session_gone();
}

void Inbox::session_taken() {
  const std::lock_guard lock(mutex_);
  const std::vector<std::uint64_t> out = ledger_.session_taken();
  if (!out.empty()) host_.withdraw(CLEAT_BY_EVENT, out.data(), static_cast<std::uint32_t>(out.size()));
}

}  // namespace cleat::mqtt
