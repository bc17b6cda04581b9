#include "core_input.hpp"

#include <algorithm>

namespace cleat::nats {
namespace {

constexpr std::int64_t kFlushMs = 1'000;
constexpr std::size_t kMostBytes = std::size_t{128} << 20U;
constexpr std::chrono::seconds kTellEvery{10};

std::string sentence(std::uint64_t dropped) {
  return std::to_string(dropped) +
         " messages are lost: they came faster than they were taken, and NATS keeps nothing without "
         "JetStream; see maxBuffered";
}

}  // namespace

CoreInput::CoreInput(const NatsConfig& config, Host host, Health& health)
    : host_(host),
      config_(config),
      health_(health),
      intake_(host, [this] { line_.wake(); }),
      line_(config.server, host, health, Health::input, *this) {}

CoreInput::~CoreInput() = default;

void CoreInput::opened(Session& /*session*/) {
  health_.set(Health::input, CLEAT_HEALTH_UP, "connected");
}

/// On a thread of the library.
void CoreInput::arrived(Message message) {
  const std::size_t size = data_of(message).size();
  {
    const std::lock_guard lock(mutex_);
    if (arrived_.size() + held_ >= config_.max_buffered || bytes_->load() + size > kMostBytes)
      ++dropped_;
    else
      arrived_.push_back(std::move(message));
  }
  line_.wake();
}

Clock::time_point CoreInput::work(Session& session) {
  const bool reads = intake_.is_reading();
  if (!reads) subscriptions_.clear();
  for (const std::string& subject : config_.subjects) {
    if (!reads || subscriptions_.size() == config_.subjects.size()) break;
    subscriptions_.push_back(std::make_unique<Subscription>(
        session, subject, config_.queue_group, [this](Message message) { arrived(std::move(message)); }));
    // It is said to read when the server knows of it.
    if (subscriptions_.size() == config_.subjects.size()) session.flush(kFlushMs);
  }
  const Clock::time_point now = Clock::now();
  const Clock::time_point due = hand_over(now);
  report(now);
  health_.beat();
  return due;
}

Clock::time_point CoreInput::idle() {
  health_.beat();
  return hand_over(Clock::now());
}

Clock::time_point CoreInput::hand_over(Clock::time_point now) {
  std::vector<Message> arrived;
  {
    const std::lock_guard lock(mutex_);
    arrived.swap(arrived_);
    held_ += arrived.size();
  }
  for (Message& message : arrived) {
    const std::size_t size = data_of(message).size();
    *bytes_ += size;
    const auto let_go = [bytes = bytes_, size](natsMsg* one) {
      *bytes -= size;
      natsMsg_Destroy(one);
    };
    intake_.offer({std::shared_ptr<natsMsg>(message.release(), let_go), {}, {}, now, false});
  }
  for (Settled& one : intake_.take_settled())
    take_back(std::move(one), now);
  while (!delayed_.empty() && delayed_.begin()->first <= now)
    intake_.offer(std::move(delayed_.extract(delayed_.begin()).mapped()));
  if (!intake_.deliver())
    host_.log(CLEAT_LOG_ERROR, "a message is lost: the host refused it as invalid",
              {{"subjects", config_.subjects.front()}});
  const std::lock_guard lock(mutex_);
  held_ = intake_.waiting() + delayed_.size();
  return delayed_.empty() ? Clock::time_point::max() : delayed_.begin()->first;
}

void CoreInput::take_back(Settled one, Clock::time_point now) {
  if (one.verdict == CLEAT_ACK) return;
  if (one.verdict == CLEAT_REJECT) {
    host_.log(CLEAT_LOG_WARN, "a message is dropped: deadLetter 'broker' needs JetStream",
              {{"subject", natsMsg_GetSubject(one.item.message.get())}});
    return;
  }
  // One that may still be worked on would be worked on twice.
  if (one.may_still_run) return;
  delayed_.emplace(now + std::chrono::milliseconds(one.after_ms), std::move(one.item));
}

void CoreInput::report(Clock::time_point now) {
  std::uint64_t dropped = 0;
  bool is_full = false;
  {
    const std::lock_guard lock(mutex_);
    dropped = dropped_;
    is_full = arrived_.size() + held_ > config_.max_buffered / 2;
  }
  if (dropped != told_) {
    if (now < next_told_) return;
    told_ = dropped;
    next_told_ = now + kTellEvery;
    health_.set(Health::input, CLEAT_HEALTH_DEGRADED, sentence(dropped));
  } else if (!is_full && now >= next_told_ && !subscriptions_.empty()) {
    health_.set(Health::input, CLEAT_HEALTH_UP, "reads without JetStream");
  }
}

void CoreInput::lost(const Failure& /*failure*/) {
  subscriptions_.clear();
}

void CoreInput::closing(Session& /*session*/, Clock::time_point /*end*/) {
  subscriptions_.clear();
}

void CoreInput::stop(Deadline deadline) {
  line_.stop(deadline);
  const std::size_t left =
      arrived_.size() + intake_.waiting() + delayed_.size() + intake_.take_settled().size();
  if (left != 0)
    host_.log(CLEAT_LOG_WARN,
              "messages that nobody has worked on are lost, because NATS keeps nothing without JetStream",
              {{"messages", std::to_string(left)}});
}

}  // namespace cleat::nats
