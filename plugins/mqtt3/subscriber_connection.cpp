// How a subscriber gets its connection and its session, and what it does when they are over.
#include <algorithm>
#include <string>
#include <utility>

#include "later.hpp"
#include "subscriber.hpp"

namespace cleat::mqtt {

void Subscriber::resolve() {
  phase_ = Phase::resolving;
  resolver_.ask(config_.server.host, config_.server.port);
}

void Subscriber::take_addresses(std::uint64_t now) {
  std::optional<Resolver::Answer> answer = resolver_.take();
  if (!answer) return;
  if (answer->addresses.empty()) return try_again(later(now, back_off_.next()), answer->error);
  addresses_ = std::move(answer->addresses);
  next_address_ = 0;
  connect_next(now);
}

void Subscriber::connect_next(std::uint64_t now) {
  phase_ = Phase::connecting;
  attempt_ends_ns_ = later(now, kPatience);
  const auto patience = std::chrono::milliseconds(config_.keep_alive) + std::chrono::seconds(5);
  link_.connect(addresses_[next_address_++], patience);
}

void Subscriber::connecting(std::uint64_t now) {
  link_.advance();
  if (link_.state() == Link::State::open) return open_session(now);
  const bool is_late = now >= attempt_ends_ns_;
  if (link_.state() != Link::State::closed && !is_late) return;
  const std::string why = is_late ? "no connection within 10 s" : link_.why();
  link_.close();
  if (next_address_ < addresses_.size()) return connect_next(now);
  try_again(later(now, back_off_.next()), why);
}

void Subscriber::open_session(std::uint64_t now) {
  limit_ = inbox_.limit(config_.receive_maximum);
  SessionOptions options;
  Connect& connect = options.connect;
  connect.version = config_.version;
  connect.client_id = config_.input_id();
  connect.user = config_.server.user;
  connect.password = config_.server.password;
  connect.clean = config_.clean_session;
  connect.keep_alive = config_.keep_alive;
  if (config_.version == Version::v5) {
    connect.session_expiry_s = config_.clean_session ? 0 : config_.session_expiry_s;
    connect.receive_maximum = limit_;
  }
  options.filter = config_.topic;
  options.qos = config_.qos;
  options.is_subscribed = is_subscribed_;
  options.patience = kPatience;
  session_.emplace(std::move(options), now);
  frames_ = FrameReader(config_.max_packet);
  answers_before_ = 0;
  is_blocked_ = is_busy_ = false;
  phase_ = Phase::talking;
  flush(now);
}

void Subscriber::opened(const Session::Opened& opened, std::uint64_t now) {
  guard_.accepted(now);
  if (!opened.is_present) {
    inbox_.session_gone();
    is_subscribed_ = false;
    if (std::exchange(had_session_, false))
      host_.log(CLEAT_LOG_WARN,
                "the broker has no session of this client any more: what was published meanwhile is lost",
                {{"client", config_.input_id()}});
  }
  if (opened.session_expiry_s && *opened.session_expiry_s < config_.session_expiry_s &&
      !config_.clean_session)
    host_.log(CLEAT_LOG_WARN, "the broker keeps the session for a shorter time than sessionExpiry says",
              {{"seconds", std::to_string(*opened.session_expiry_s)}});
  host_.log(CLEAT_LOG_INFO, "connected to the broker",
            {{"server", config_.server.name()},
             {"client", config_.input_id()},
             {"session", opened.is_present ? "resumed" : "new"}});
  if (session_->phase() == Session::Phase::live) live(granted_qos_);
}

void Subscriber::live(unsigned granted_qos) {
  granted_qos_ = granted_qos;
  is_subscribed_ = had_session_ = !config_.clean_session;
  if (granted_qos < config_.qos)
    health_.set(Health::input, CLEAT_HEALTH_DEGRADED,
                "the broker grants only MQTT QoS 0 on '" + config_.topic +
                    "': messages that are lost on the way do not come again");
  else
    health_.set(Health::input, CLEAT_HEALTH_UP, "subscribed to '" + config_.topic + "'");
}

void Subscriber::lost(const Session::Ended& ended, std::uint64_t now) {
  using How = Session::Ended::How;
  const bool was_accepted = session_->phase() != Session::Phase::connecting;
  if (ended.say && link_.state() == Link::State::open)
    link_.send(encode_disconnect(config_.version, *ended.say));
  link_.close();
  held_number_ = 0;
  is_blocked_ = false;
  if (was_accepted) inbox_.connection_lost();
  if (was_accepted && !guard_.was_short(now)) back_off_.reset();
  const std::string another = "another client with the id '" + config_.input_id() +
                              "' takes the session over; give each replica a consumerID of its own";
  if (ended.how == How::taken_over) {
    inbox_.session_taken();
    is_subscribed_ = had_session_ = false;
    phase_ = Phase::given_up;
    health_.set(Health::input, CLEAT_HEALTH_DOWN,
                another + ". This input has ended: begin it again with a restart, or pause and resume");
    return;
  }
  if (ended.how == How::closed && was_accepted && guard_.ended(now)) {
    guard_.forget();
    return try_again(later(now, TakeoverGuard::kPause),
                     "the broker ends each connection soon after it accepted it: it seems that " + another +
                         ". Tried again in a minute");
  }
  try_again(later(now, back_off_.next()), ended.why);
}

void Subscriber::try_again(std::uint64_t at_ns, const std::string& why) {
  link_.close();
  phase_ = Phase::waiting;
  retry_at_ns_ = at_ns;
  health_.set(Health::input, CLEAT_HEALTH_DOWN, "MQTT broker " + config_.server.name() + ": " + why);
}

/// Something was thrown, for want of memory most likely: begins anew with a connection, after a while.
void Subscriber::break_off() {
  if (phase_ == Phase::talking) inbox_.connection_lost();
  try_again(later(host_.now_ns(), kPatience), "a failure inside the plugin, which the log describes");
}

}  // namespace cleat::mqtt
