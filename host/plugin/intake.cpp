#include "plugin/intake.hpp"

#include <algorithm>

#include "plugin/abi.hpp"
#include "plugin/hot_watch.hpp"

namespace cleat {
namespace {

constexpr unsigned kEventShift = 40;
constexpr std::uint64_t kByteMask = (std::uint64_t{1} << kEventShift) - 1;
constexpr std::uint64_t kOneEvent = std::uint64_t{1} << kEventShift;
// What the packed counters can hold, far above any window that makes sense.
constexpr std::uint32_t kMostEvents = 8'000'000;
constexpr std::uint64_t kMostBytes = kByteMask / 2;
// A single event's text; a source's headers are far smaller.
constexpr std::size_t kMostTextBytes = std::size_t{256} << 20;

cleat_window to_abi(const Window& window) {
  return {sizeof(cleat_window), window.max_events, window.max_bytes, window.max_per_lane, 0};
}

}  // namespace

Intake::Intake(const cleat_binding_type& table, std::string component, Loop& home, Log& log)
    : table_(table), component_(std::move(component)), home_(home), log_(log) {}

void Intake::open(EventSink& sink, const Window& window) {
  const std::lock_guard lock(window_mutex_);
  latest_ = told_ = window;
  max_bytes_.store(window.max_bytes, std::memory_order_relaxed);
  max_events_.store(window.max_events, std::memory_order_relaxed);
  sink_.store(&sink, std::memory_order_relaxed);
  open_.store(true, std::memory_order_release);
}

void Intake::allow_window() {
  note_sign();
  {
    const std::lock_guard lock(window_mutex_);
    window_allowed_ = true;
    if (latest_ == told_) return;
  }
  home_.post([this] {
    Window window;
    {
      const std::lock_guard lock(window_mutex_);
      window = latest_;
    }
    set_window(window);
  });
}

void Intake::forbid_window() {
  const std::lock_guard lock(window_mutex_);
  window_allowed_ = false;
}

void Intake::shut() {
  open_.store(false, std::memory_order_release);
}

bool Intake::well_formed(const cleat_event* event) const {
  if (event == nullptr || event->struct_size < offsetof(cleat_event, metadata) + sizeof(cleat_map)) {
    log_.error("the plugin misbehaves: it delivered an event that is NULL or whose struct_size is too small",
               {{"component", component_}});
    return false;
  }
  std::size_t text = event->content_type.len + event->source_id.len + event->key.len;
  for (std::size_t i = 0; i < event->metadata.count && text < kMostTextBytes; ++i) {
    text += event->metadata.items[i].key.len + event->metadata.items[i].value.len;
  }
  if (text < kMostTextBytes && event->data.len < kMostBytes) return true;
  log_.error("the plugin misbehaves: it delivered an event whose text or data has an impossible length",
             {{"component", component_}, {"event", from_abi(event->source_id)}});
  return false;
}

// The window depends on what is unsettled only, and with nothing unsettled one event of any size fits.
bool Intake::take_room(std::size_t weight) {
  const std::uint64_t max_events = std::min(max_events_.load(std::memory_order_acquire), kMostEvents);
  const std::uint64_t given_bytes = max_bytes_.load(std::memory_order_acquire);
  const std::uint64_t max_bytes = given_bytes == 0 ? kMostBytes : std::min(given_bytes, kMostBytes);
  if (max_events == 0) return false;
  std::uint64_t out = out_.load(std::memory_order_acquire);
  while (true) {
    const bool fits = out >> kEventShift < max_events && (out & kByteMask) + weight <= max_bytes;
    if (out != 0 && !fits) return false;
    if (out_.compare_exchange_weak(out, out + kOneEvent + weight, std::memory_order_acq_rel)) return true;
  }
}

void Intake::give_room_back(std::uint32_t events, std::uint64_t bytes) {
  out_.fetch_sub(events * kOneEvent + bytes, std::memory_order_acq_rel);
}

std::uint32_t Intake::unsettled() const {
  return static_cast<std::uint32_t>(out_.load(std::memory_order_acquire) >> kEventShift);
}

cleat_status Intake::deliver(cleat_event* const* events, std::uint32_t count, std::uint32_t* accepted) {
  *accepted = 0;
  if (!open_.load(std::memory_order_acquire)) {
    log_.error("the plugin misbehaves: it delivered while its input was not begun",
               {{"component", component_}});
    return CLEAT_CANCELLED;
  }
  note_sign();
  std::vector<EventPtr> batch;
  batch.reserve(count);
  cleat_status status = CLEAT_OK;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!well_formed(events[i])) {
      status = CLEAT_INVALID;
      break;
    }
    const cleat_event event = copy_in(*events[i]);
    const std::size_t text = Event::text_bytes(event);
    if (!take_room(text + event.data.len)) {
      status = CLEAT_AGAIN;
      break;
    }
    batch.push_back(Event::accept(event, text));
  }
  *accepted = static_cast<std::uint32_t>(batch.size());
  if (!batch.empty()) {
    home_.post([this, batch = std::move(batch)]() mutable {
      sink_.load(std::memory_order_acquire)->on_events(std::move(batch));
    });
  }
  return status;
}

void Intake::withdraw(std::int32_t by, const std::uint64_t* ids, std::uint32_t count) {
  std::vector<std::uint64_t> copy(ids, ids + count);
  if (by == CLEAT_BY_LANE && std::erase(copy, 0) > 0) {
    log_.error("the plugin misbehaves: it withdrew lane 0, which is no lane", {{"component", component_}});
  }
  home_.post([this, by, copy = std::move(copy)] {
    if (EventSink* sink = sink_.load(std::memory_order_acquire)) sink->on_withdraw(by, copy);
  });
}

void Intake::settle(std::span<Settlement> settlements) {
  items_.clear();
  item_pointers_.clear();
  std::uint64_t bytes = 0;
  for (const Settlement& settlement : settlements) {
    cleat_settlement item{};
    item.struct_size = sizeof item;
    item.verdict = settlement.verdict;
    item.event_id = settlement.event->id;
    item.flags = settlement.flags;
    item.requeue_after_ms = settlement.requeue_after_ms;
    items_.push_back(item);
    bytes += settlement.event->weight();
  }
  for (const cleat_settlement& item : items_)
    item_pointers_.push_back(&item);
  // Before the call, so that a deliver() made from inside sees the room.
  give_room_back(static_cast<std::uint32_t>(settlements.size()), bytes);
  {
    const HotWatch watch(home_, log_, component_, "settle");
    table_.settle(self_, item_pointers_.data(), static_cast<std::uint32_t>(item_pointers_.size()));
  }
  for (Settlement& settlement : settlements)
    settlement.event.reset();
}

void Intake::set_window(const Window& window) {
  max_bytes_.store(window.max_bytes, std::memory_order_release);
  max_events_.store(window.max_events, std::memory_order_release);
  const std::lock_guard lock(window_mutex_);
  latest_ = window;
  if (!window_allowed_ || latest_ == told_) return;
  told_ = latest_;
  const cleat_window out = to_abi(window);
  const HotWatch watch(home_, log_, component_, "set_window");
  table_.set_window(self_, &out);
}

}  // namespace cleat
