#include "intake.hpp"

#include <algorithm>

namespace cleat::nats {
namespace {

constexpr std::size_t kBatch = 64;

}  // namespace

void Intake::begin(const Window& window) {
  {
    const std::lock_guard lock(mutex_);
    window_ = window;
    has_begun_ = is_reading_ = true;
    was_refused_ = false;
  }
  wake_();
}

void Intake::set_window(const Window& window) {
  {
    const std::lock_guard lock(mutex_);
    window_ = window;
    was_refused_ = false;
  }
  wake_();
}

void Intake::settle(const Settlements& settlements) {
  {
    const std::lock_guard lock(mutex_);
    for (const cleat_settlement* one : settlements) {
      auto found = out_.extract(one->event_id);
      if (found.empty()) continue;
      if (found.mapped().is_orphan) continue;
      ids_.erase(found.mapped().key);
      settled_.push_back({std::move(found.mapped()), one->verdict, one->requeue_after_ms,
                          (one->flags & CLEAT_MAY_STILL_RUN) != 0});
    }
    was_refused_ = false;
  }
  wake_();
}

void Intake::end() {
  {
    const std::lock_guard lock(mutex_);
    is_reading_ = false;
  }
  wake_();
}

bool Intake::has_begun() const {
  const std::lock_guard lock(mutex_);
  return has_begun_;
}

bool Intake::is_reading() const {
  const std::lock_guard lock(mutex_);
  return is_reading_ && window_.max_events != 0;
}

std::size_t Intake::room() const {
  const std::lock_guard lock(mutex_);
  const std::size_t taken = out_.size() + waiting_.size();
  return !is_reading_ || was_refused_ || taken >= window_.max_events ? 0 : window_.max_events - taken;
}

std::size_t Intake::out() const {
  const std::lock_guard lock(mutex_);
  return out_.size();
}

bool Intake::deliver() {
  for (;;) {
    std::size_t most = 0;
    std::uint64_t id = 0;
    {
      const std::lock_guard lock(mutex_);
      if (!is_reading_ || was_refused_ || out_.size() >= window_.max_events) return true;
      most = std::min<std::size_t>(window_.max_events - out_.size(), kBatch);
      id = last_id_;
      last_id_ += most;
    }
    batch_.clear();
    while (batch_.size() < std::min(most, waiting_.size()))
      batch_.add(waiting_[batch_.size()], ++id);
    if (batch_.size() == 0) return true;

    const std::lock_guard lock(mutex_);
    // Before the host has them: it may settle one before deliver() has returned, and waits for the lock then.
    std::uint32_t accepted = 0;
    const cleat_status status =
        is_reading_ ? host_.deliver(batch_.pointers(), static_cast<std::uint32_t>(batch_.size()), accepted)
                    : CLEAT_CANCELLED;
    for (std::uint32_t i = 0; i < accepted; ++i) {
      cleat_event& event = batch_.event(i);
      event.data = {};
      Item item = std::move(waiting_.front());
      waiting_.pop_front();
      if (!item.ack.empty()) {
        item.message.reset();
        ids_[item.key] = event.id;
      }
      out_.emplace(event.id, std::move(item));
    }
    batch_.clear();
    if (status == CLEAT_AGAIN) was_refused_ = true;
    if (status == CLEAT_INVALID || status == CLEAT_INTERNAL) {
      waiting_.pop_front();
      return false;
    }
    if (status != CLEAT_OK) return true;
  }
}

std::vector<Settled> Intake::take_settled() {
  const std::lock_guard lock(mutex_);
  return std::exchange(settled_, {});
}

bool Intake::adopt(const Key& key, const std::string& ack, TimePoint now) {
  const auto renewed = [&](Item& item) {
    item.ack = ack;
    item.leased = now;
    item.is_withdrawn = false;
    return true;
  };
  for (Item& item : waiting_) {
    if (item.key == key) return renewed(item);
  }
  const std::lock_guard lock(mutex_);
  const auto found = ids_.find(key);
  return found != ids_.end() && renewed(out_.at(found->second));
}

void Intake::for_each_lease(const std::function<void(const std::string& ack)>& renew) const {
  std::vector<std::string> places;
  for (const Item& item : waiting_)
    places.push_back(item.ack);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, item] : out_) {
      if (!item.is_withdrawn) places.push_back(item.ack);
    }
  }
  for (const std::string& ack : places)
    renew(ack);
}

void Intake::withdraw_before(TimePoint limit) {
  waiting_.erase(
      std::remove_if(waiting_.begin(), waiting_.end(), [&](const Item& item) { return item.leased < limit; }),
      waiting_.end());
  std::vector<std::uint64_t> gone;
  const std::lock_guard lock(mutex_);
  for (auto& [id, item] : out_) {
    if (item.is_withdrawn || item.leased >= limit) continue;
    item.is_withdrawn = true;
    gone.push_back(id);
  }
  if (!gone.empty()) host_.withdraw(CLEAT_BY_EVENT, gone.data(), static_cast<std::uint32_t>(gone.size()));
}

void Intake::orphan() {
  waiting_.clear();
  std::vector<std::uint64_t> gone;
  const std::lock_guard lock(mutex_);
  ids_.clear();
  settled_.clear();
  for (auto& [id, item] : out_) {
    item.is_orphan = true;
    if (!std::exchange(item.is_withdrawn, true)) gone.push_back(id);
  }
  if (!gone.empty()) host_.withdraw(CLEAT_BY_EVENT, gone.data(), static_cast<std::uint32_t>(gone.size()));
}

Key Intake::oldest() const {
  const std::lock_guard lock(mutex_);
  if (!ids_.empty()) return ids_.begin()->first;
  return waiting_.empty() ? Key{} : waiting_.front().key;
}

}  // namespace cleat::nats
