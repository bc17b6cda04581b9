#include "generator_binding.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

namespace cleat::generator {
namespace {

cleat_str print(std::array<char, 20>& text, std::uint64_t value) {
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), static_cast<std::size_t>(result.ptr - text.data())};
}

const char* verdict_name(std::int32_t verdict) {
  switch (verdict) {
    case CLEAT_ACK:
      return "ack";
    case CLEAT_REJECT:
      return "reject";
    case CLEAT_ABANDON:
      return "abandon";
    default:
      return "requeue";
  }
}

/// {"n":7,"lane":1,"pad":"..."} of exactly `size` bytes, or as short as it can be if that is longer.
cleat_buf make_data(cleat_str number, cleat_str lane, std::uint64_t size) {
  constexpr std::string_view kNumber = "{\"n\":", kLane = ",\"lane\":", kPad = ",\"pad\":\"", kEnd = "\"}";
  const std::size_t least = kNumber.size() + number.len + kLane.size() + lane.len + kPad.size() + kEnd.size();
  const std::size_t length = std::max<std::size_t>(least, size);
  auto* const bytes = static_cast<char*>(std::malloc(length));
  if (bytes == nullptr) throw std::bad_alloc();
  char* at = bytes;
  for (const std::string_view part : {kNumber, view(number), kLane, view(lane), kPad}) {
    at = std::copy(part.begin(), part.end(), at);
  }
  at = std::fill_n(at, length - least, 'x');
  std::copy(kEnd.begin(), kEnd.end(), at);
  return {bytes, length, [](void* owner) { std::free(owner); }, bytes};
}

}  // namespace

void GeneratorBinding::init(const Config& config) {
  count_ = config.integer<std::uint64_t>("count");
  first_ = config.integer<std::uint64_t>("start", 1);
  rate_ = config.number("rate");
  size_ = config.size("size");
  lane_count_ = config.integer<std::uint32_t>("lanes");
  ledger_path_ = config.text("ledger");
  if (!(rate_ >= 0)) throw Error(CLEAT_INVALID, "rate: expected 0 or a number of events per second");
  if (lane_count_ > 65'536) throw Error(CLEAT_INVALID, "lanes: expected at most 65536");
  if (size_ > (64U << 20)) throw Error(CLEAT_INVALID, "size: expected at most 64Mi");
}

void GeneratorBinding::start(Deadline /*deadline*/) {
  const std::size_t sources = std::max<std::size_t>(lane_count_, 1);
  lanes_.resize(sources);
  for (std::size_t i = 0; i < sources; ++i) {
    lanes_[i].next = first_ + i;
    lanes_[i].number = lane_count_ == 0 ? 0 : i + 1;
  }
  last_lane_ = lane_count_;
  if (!ledger_path_.empty()) {
    std::set<std::uint64_t> acknowledged;
    try {
      acknowledged = ledger_.open(ledger_path_);
    } catch (const std::runtime_error& error) {
      throw Error(CLEAT_INVALID, error.what());
    }
    // As a committed position does: on from the first number that was not acknowledged, later ones come
    // again.
    for (Lane& lane : lanes_) {
      while (acknowledged.count(lane.next) != 0)
        lane.next += sources;
    }
  }
  thread_ = std::thread([this] { host_.guarded("the generator's thread", [this] { run(); }); });
}

void GeneratorBinding::begin_input(const Window& window) {
  {
    const std::lock_guard lock(mutex_);
    window_ = window;
    reading_ = true;
    full_ = false;
    began_ = std::chrono::steady_clock::now();
    handed_out_ = 0;
  }
  host_.set_health(CLEAT_HEALTH_UP, "generating");
  wake_.notify_one();
}

void GeneratorBinding::set_window(const Window& window) {
  {
    const std::lock_guard lock(mutex_);
    window_ = window;
    full_ = false;
  }
  wake_.notify_one();
}

void GeneratorBinding::end_input(Deadline /*deadline*/) {
  const std::lock_guard lock(mutex_);
  reading_ = false;
}

void GeneratorBinding::stop(Deadline /*deadline*/) {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void GeneratorBinding::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const Time now = std::chrono::steady_clock::now();
    const std::uint32_t count = reading_ && !full_ ? prepare(now) : 0;
    if (count > 0) {
      deliver(count);  // with the lock held: the settle that follows a refusal must not be missed
      lock.unlock();
      lock.lock();
    } else if (rate_ > 0 && reading_ && !full_ && !is_fresh_due(now)) {
      const std::chrono::duration<double> ahead(static_cast<double>(handed_out_ + 1) / rate_);
      wake_.wait_until(lock, began_ + std::chrono::ceil<std::chrono::nanoseconds>(ahead));
    } else {
      wake_.wait(lock);
    }
  }
}

/// Against the instant of the n-th event since the beginning, so that delays do not add up.
bool GeneratorBinding::is_fresh_due(Time now) const {
  if (rate_ <= 0) return true;
  return std::chrono::duration<double>(now - began_).count() * rate_ >= static_cast<double>(handed_out_ + 1);
}

/// The lane's next number, if it has one to give and room for it.
bool GeneratorBinding::take(Lane& lane, bool fresh_allowed, Prepared& prepared) {
  if (lane.closed || (lane.number != 0 && window_.max_per_lane != 0 && lane.out >= window_.max_per_lane))
    return false;
  if (!lane.back.empty()) {
    prepared.out.number = *lane.back.begin();
    lane.back.erase(lane.back.begin());
  } else {
    if (!fresh_allowed || (count_ != 0 && lane.next - first_ >= count_)) return false;
    prepared.out.number = lane.next;
    lane.next += lanes_.size();
    ++handed_out_;
  }
  ++lane.out;
  return true;
}

/// Fills the batch, one event of each lane in turn; returns how many. All of them are in out_ already.
std::uint32_t GeneratorBinding::prepare(Time now) {
  const std::size_t room = window_.max_events > out_.size() ? window_.max_events - out_.size() : 0;
  full_ = room == 0;
  const auto most = static_cast<std::uint32_t>(std::min(room, batch_.size()));
  std::uint32_t count = 0;
  for (std::size_t idle = 0; count < most && idle < lanes_.size();) {
    Prepared& prepared = batch_[count];
    Lane& lane = lanes_[turn_];
    prepared.out.lane = static_cast<std::uint32_t>(turn_);
    turn_ = turn_ + 1 == lanes_.size() ? 0 : turn_ + 1;
    if (!take(lane, is_fresh_due(now), prepared)) {
      ++idle;
      continue;
    }
    idle = 0;
    fill(prepared);
    out_.emplace(prepared.event.id, prepared.out);
    events_[count++] = &prepared.event;
  }
  return count;
}

void GeneratorBinding::fill(Prepared& prepared) {
  cleat_event& event = prepared.event;
  event = {};
  event.struct_size = sizeof event;
  event.id = ++last_id_;
  event.lane = lanes_[prepared.out.lane].number;
  const cleat_str number = print(prepared.number_text, prepared.out.number);
  const cleat_str lane = print(prepared.lane_text, lane_count_ == 0 ? 0 : prepared.out.lane + 1);
  prepared.metadata = {{{str("n"), number}, {str("lane"), lane}}};
  event.metadata = {prepared.metadata.data(), prepared.metadata.size()};
  event.source_id = number;
  event.content_type = str("application/json");
  event.data = make_data(number, lane, size_);
}

/// With the lock held.
void GeneratorBinding::deliver(std::uint32_t count) {
  std::uint32_t accepted = 0;
  const cleat_status status = host_.deliver(events_.data(), count, accepted);
  if (status == CLEAT_OK) return;
  full_ = true;  // until a settle() or a window says otherwise
  for (std::uint32_t i = accepted; i < count; ++i)
    give_back(batch_[i]);
}

/// The host did not take it: as if it had never been handed out.
void GeneratorBinding::give_back(const Prepared& prepared) {
  Lane& lane = lanes_[prepared.out.lane];
  --lane.out;
  lane.back.insert(prepared.out.number);
  out_.erase(prepared.event.id);
  const Buffer released(prepared.event.data);
}

void GeneratorBinding::settle(Settlements settlements) {
  std::string lines;
  bool may_go_on = false;
  {
    const std::lock_guard lock(mutex_);
    for (const cleat_settlement* one : settlements)
      may_go_on = settle_one(*one, lines) || may_go_on;
    may_go_on = may_go_on || (full_ && out_.size() <= resume_at(window_.max_events));
    if (may_go_on) full_ = false;
    if (ledger_.is_open()) ledger_.append(lines);
  }
  if (may_go_on) wake_.notify_one();
}

/// What is full is filled again when several places are free: one wake-up for many events.
std::uint32_t GeneratorBinding::resume_at(std::uint32_t limit) {
  return limit - std::min({limit, std::max(limit / 4, 1U), 32U});
}

/// With the lock held. Whether its lane has something to give again.
bool GeneratorBinding::settle_one(const cleat_settlement& settlement, std::string& lines) {
  const auto found = out_.find(settlement.event_id);
  if (found == out_.end()) {
    host_.log(CLEAT_LOG_ERROR, "an event was settled that is not out",
              {{"id", std::to_string(settlement.event_id)}});
    return false;
  }
  const Out out = found->second;
  out_.erase(found);
  Lane& lane = lanes_[out.lane];
  --lane.out;
  if (settlement.verdict != CLEAT_ACK) {
    lane.back.insert(out.number);
    lane.closed = lane.number != 0;
  }
  if (lane.closed && lane.out == 0) {
    lane.closed = false;
    lane.number = ++last_lane_;
  }
  if (ledger_.is_open())
    lines.append(std::to_string(out.number)).append(" ").append(verdict_name(settlement.verdict)) += '\n';
  return settlement.verdict != CLEAT_ACK || lane.out == 0 ||
         (lane.number != 0 && window_.max_per_lane != 0 && lane.out == resume_at(window_.max_per_lane));
}

}  // namespace cleat::generator
