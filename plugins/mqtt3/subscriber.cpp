#include "subscriber.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

#include "later.hpp"
#include "signals.hpp"

namespace cleat::mqtt {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

/// An event that holds up the others for so long is worth saying.
constexpr nanoseconds kStallAfter = seconds(2);
constexpr std::size_t kReadAtOnce = 256 * 1024;
constexpr int kRounds = 16;

}  // namespace

Subscriber::Subscriber(const MqttConfig& config, Host host, Health& health, const TlsContext* tls)
    : config_(config),
      host_(host),
      health_(health),
      inbox_(host, wake_),
      resolver_(wake_),
      link_(tls),
      frames_(config.max_packet) {}

void Subscriber::begin(const Window& window) {
  inbox_.begin(window);
  begun_again_ = true;
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  wake_.notify();
}

void Subscriber::stop() {
  quit_ = true;
  wake_.notify();
  if (thread_.joinable()) thread_.join();
}

void Subscriber::run() {
  keep_signals_away();
  while (!quit_) {
    bool is_well = false;
    host_.guarded("the thread that reads", [&] {
      advance(host_.now_ns());
      wait(host_.now_ns());
      is_well = true;
    });
    if (!is_well) break_off();
  }
  if (phase_ == Phase::talking && link_.state() == Link::State::open) {
    acknowledge(host_.now_ns());
    link_.send(encode_disconnect(config_.version, kNormal));
  }
  link_.close();
}

void Subscriber::advance(std::uint64_t now) {
  // Whoever begins an input again wants it to be tried, whatever was said before.
  if (begun_again_.exchange(false) && (phase_ == Phase::given_up || phase_ == Phase::waiting)) {
    guard_.forget();
    phase_ = Phase::waiting;
    retry_at_ns_ = now;
  }
  if (phase_ == Phase::waiting && now >= retry_at_ns_) resolve();
  if (phase_ == Phase::resolving) take_addresses(now);
  if (phase_ == Phase::connecting) connecting(now);
  if (phase_ == Phase::talking) return talk(now);
  inbox_.deliver();  // what was given back does not wait for the broker
}

void Subscriber::wait(std::uint64_t now) {
  std::uint64_t until = UINT64_MAX;
  if (phase_ == Phase::waiting) until = retry_at_ns_;
  if (phase_ == Phase::connecting) until = attempt_ends_ns_;
  if (phase_ == Phase::talking) {
    until = session_->next_ns();
    if (held_number_ != 0 && health_.state(Health::input) != CLEAT_HEALTH_STALLED)
      until = std::min(until, later(held_since_ns_, kStallAfter));
    if (is_busy_) until = now;
  }
  int timeout_ms = -1;
  if (until != UINT64_MAX)
    timeout_ms =
        until <= now ? 0 : static_cast<int>(std::min<std::uint64_t>((until - now) / 1'000'000 + 1, 60'000));
  std::array<pollfd, 2> polled{{{wake_.fd(), POLLIN, 0}, {link_.fd(), link_.events(!is_blocked_), 0}}};
  ::poll(polled.data(), link_.fd() < 0 ? 1 : 2, timeout_ms);
  if (polled[0].revents != 0) wake_.clear();
  // While what came waits for room nobody reads, so the end of the connection is looked for here.
  constexpr short kEnd = POLLRDHUP | POLLHUP | POLLERR;
  if (is_blocked_ && phase_ == Phase::talking && (polled[1].revents & kEnd) != 0)
    lost({Session::Ended::How::closed, "the broker closed the connection", std::nullopt}, host_.now_ns());
}

void Subscriber::talk(std::uint64_t now) {
  link_.advance();
  // Rounds, so that neither an acknowledgement nor a PINGREQ waits until a busy topic is read empty.
  bool is_more = true;
  for (int round = 0; round < kRounds && is_more; ++round) {
    acknowledge(now);  // first, because it makes room
    is_more = read_frames(now);
    if (phase_ != Phase::talking) return;
    if (!inbox_.deliver()) {
      return lost({Session::Ended::How::broken,
                   "the host refuses an event, which the log describes; it stays at the broker", kNormal},
                  now);
    }
    if (!is_blocked_) {
      received_.clear();
      is_more = link_.receive(received_, kReadAtOnce) || is_more;
      frames_.append(received_);
    }
  }
  is_busy_ = is_more;
  if (link_.state() == Link::State::closed) {
    read_frames(now);  // the broker's last words
    if (phase_ == Phase::talking) lost({Session::Ended::How::closed, link_.why(), std::nullopt}, now);
    return;
  }
  answer_pings(now);
  if (const auto ended = session_->tick(now, !is_blocked_)) return lost(*ended, now);
  look_for_stall(now);
  flush(now);
}

/// False: no packet could be taken out.
bool Subscriber::read_frames(std::uint64_t now) {
  bool did_something = false;
  is_blocked_ = false;
  Frame frame;
  for (;;) {
    const FrameReader::Found found = frames_.peek(frame);
    if (found == FrameReader::Found::more) return did_something;
    if (found == FrameReader::Found::bad) {
      lost({Session::Ended::How::broken,
            "the broker sent " + frames_.fault() + " (maxPacketSize); it stays there, and what is behind it",
            kPacketTooLarge},
           now);
      return false;
    }
    if (const auto qos = publish_qos(frame); qos && !inbox_.has_room(*qos, limit_)) {
      is_blocked_ = true;
      return did_something;
    }
    hear(frame, now);
    if (phase_ != Phase::talking) return false;
    frames_.pop();
    did_something = true;
  }
}

void Subscriber::hear(const Frame& frame, std::uint64_t now) {
  const Packet packet = decode(frame, config_.version);
  const auto* publish = std::get_if<Publish>(&packet);
  if (publish != nullptr && session_->phase() != Session::Phase::connecting) {
    if (inbox_.take(*publish) == Ledger::Arrival::contradicts)
      lost({Session::Ended::How::broken, "the broker gave two messages the same packet identifier",
            kProtocolError},
           now);
    return;
  }
  const Session::Heard heard = session_->hear(packet, now);
  if (const auto* ended = std::get_if<Session::Ended>(&heard)) lost(*ended, now);
  if (const auto* what = std::get_if<Session::Opened>(&heard)) opened(*what, now);
  if (const auto* what = std::get_if<Session::Subscribed>(&heard)) live(what->granted_qos);
}

void Subscriber::acknowledge(std::uint64_t now) {
  if (link_.state() != Link::State::open) return;  // what is done is remembered for the next connection
  std::string packets;
  for (const std::uint16_t id : inbox_.take_acknowledgeable())
    put_puback(packets, id);
  if (packets.empty()) return;
  session_->output += packets;
  flush(now);
}

void Subscriber::flush(std::uint64_t now) {
  if (session_->output.empty() || link_.state() != Link::State::open) return;
  link_.send(std::exchange(session_->output, {}));
  session_->sent(now);
}

void Subscriber::look_for_stall(std::uint64_t now) {
  const Inbox::Held held = inbox_.holding(limit_);
  if (held.number != held_number_) {
    if (health_.state(Health::input) == CLEAT_HEALTH_STALLED) live(granted_qos_);
    held_number_ = held.number;
    held_since_ns_ = now;
  }
  if (held_number_ == 0 || now < later(held_since_ns_, kStallAfter)) return;
  health_.set(Health::input, CLEAT_HEALTH_STALLED,
              "event " + held.name +
                  " is not done, and messages are acknowledged in order: no other comes while " +
                  std::to_string(limit_) + " wait for it (receiveMaximum)");
}

void Subscriber::answer_pings(std::uint64_t now) {
  if (session_->phase() != Session::Phase::live) return;
  const std::lock_guard lock(ping_mutex_);
  // One that is out is enough: the answer comes after the question.
  if (session_->answers() != answers_before_) {
    answers_before_ = session_->answers();
    pings_answered_ = pings_sent_;
    answered_.notify_all();
  }
  if (pings_ == pings_sent_) return;
  pings_sent_ = pings_;
  session_->ping(now);
}

bool Subscriber::ping(Deadline deadline) {
  if (!thread_.joinable()) return true;
  if (health_.state(Health::input) == CLEAT_HEALTH_DOWN) return false;
  std::unique_lock lock(ping_mutex_);
  const std::uint64_t mine = ++pings_;
  wake_.notify();
  return answered_.wait_until(lock, deadline.time(), [&] { return pings_answered_ >= mine || quit_; }) &&
         !quit_;
}

}  // namespace cleat::mqtt
