#include "session.hpp"

#include <algorithm>
#include <utility>

#include "later.hpp"

namespace cleat::mqtt {
namespace {

using Ended = Session::Ended;
using How = Session::Ended::How;

/// The one subscription has this packet identifier.
constexpr std::uint16_t kSubscribe = 1;
constexpr std::chrono::seconds kLeastWait{2};

std::string with_reason(std::string text, const Properties& properties) {
  if (properties.reason && !properties.reason->empty()) text.append(": ").append(*properties.reason);
  return text;
}

Ended breach(const char* why) {
  return {How::broken, std::string("the broker sent ") + why, kProtocolError};
}

}  // namespace

Session::Session(SessionOptions options, std::uint64_t now_ns)
    : options_(std::move(options)),
      keep_alive_(options_.connect.keep_alive),
      sent_ns_(now_ns),
      answer_by_ns_(later(now_ns, options_.patience)) {
  output = encode(options_.connect);
}

Session::Heard Session::hear(const Packet& packet, std::uint64_t now_ns) {
  if (const auto* malformed = std::get_if<Malformed>(&packet)) {
    Ended ended = breach(malformed->why);
    ended.say = kMalformedPacket;
    return ended;
  }
  if (const auto* connack = std::get_if<Connack>(&packet)) return hear_connack(*connack, now_ns);
  if (phase_ == Phase::connecting) return breach("something else before its CONNACK");
  if (const auto* suback = std::get_if<Suback>(&packet)) return hear_suback(*suback);
  if (const auto* disconnect = std::get_if<Disconnect>(&packet)) {
    Ended ended{How::closed, "", std::nullopt, disconnect->code};
    if (disconnect->code == kSessionTakenOver) ended.how = How::taken_over;
    ended.why = with_reason("the broker ended the connection: " + std::string(reason_text(disconnect->code)),
                            disconnect->properties);
    return ended;
  }
  if (std::holds_alternative<Pingresp>(packet)) {
    ++answers_;
    if (phase_ == Phase::live) answer_by_ns_ = 0;
  }
  return {};
}

Session::Heard Session::hear_connack(const Connack& connack, std::uint64_t now_ns) {
  if (phase_ != Phase::connecting) return breach("a second CONNACK");
  if (connack.code != 0) {
    return Ended{How::refused, with_reason(connack_text(version(), connack.code), connack.properties),
                 std::nullopt, connack.code};
  }
  if (connack.session_present && options_.connect.clean)
    return breach("a CONNACK with a session where a clean one was asked for");
  // More rarely than we want to know of its silence it need not be asked, and 0 is for ever.
  const std::chrono::seconds wanted(connack.properties.server_keep_alive.value_or(0));
  if (wanted.count() != 0) keep_alive_ = std::min<std::chrono::nanoseconds>(keep_alive_, wanted);
  // MQTT 3.1.1 sends all retained messages again with each SUBSCRIBE.
  const bool is_known = options_.is_subscribed && connack.session_present && version() == Version::v3_1_1;
  if (is_known) {
    phase_ = Phase::live;
    answer_by_ns_ = 0;
  } else {
    phase_ = Phase::subscribing;
    output += encode_subscribe(version(), kSubscribe, options_.filter, options_.qos);
    answer_by_ns_ = later(now_ns, options_.patience);
  }
  return Opened{connack.session_present, connack.properties.session_expiry};
}

Session::Heard Session::hear_suback(const Suback& suback) {
  if (phase_ != Phase::subscribing || suback.id != kSubscribe)
    return breach("a SUBACK that answers no SUBSCRIBE");
  if (suback.code >= 0x80) {
    const std::string_view why =
        version() == Version::v5 ? reason_text(suback.code) : std::string_view("it does not say why");
    return Ended{
        How::refused,
        with_reason("the broker refuses the subscription to '" + options_.filter + "': " + std::string(why),
                    suback.properties),
        kNormal, suback.code};
  }
  if (suback.code > options_.qos) return breach("a SUBACK that grants more than was asked for");
  phase_ = Phase::live;
  answer_by_ns_ = 0;
  return Subscribed{suback.code};
}

std::uint64_t Session::ping_after_ns() const {
  return later(sent_ns_, keep_alive_ * 3 / 4);
}

void Session::ping(std::uint64_t now_ns) {
  if (phase_ != Phase::live) return;
  output += encode_pingreq();
  // Who wants to know of silence soon does not wait long for an answer.
  const auto wait = std::clamp<std::chrono::nanoseconds>(keep_alive_, kLeastWait, options_.patience);
  if (answer_by_ns_ == 0) answer_by_ns_ = later(now_ns, wait);
}

std::optional<Session::Ended> Session::tick(std::uint64_t now_ns, bool is_listening) {
  if (answer_by_ns_ != 0 && now_ns >= answer_by_ns_) {
    if (is_listening) {
      const char* what = phase_ == Phase::connecting    ? "CONNECT"
                         : phase_ == Phase::subscribing ? "SUBSCRIBE"
                                                        : "PINGREQ";
      return Ended{How::silent, std::string("the broker did not answer a ") + what + " in time",
                   kKeepAliveTimeout};
    }
    answer_by_ns_ = later(now_ns, options_.patience);
  }
  if (phase_ == Phase::live && now_ns >= ping_after_ns()) {
    ping(now_ns);
    sent(now_ns);
  }
  return std::nullopt;
}

std::uint64_t Session::next_ns() const {
  const std::uint64_t answer = answer_by_ns_ == 0 ? UINT64_MAX : answer_by_ns_;
  return phase_ == Phase::live ? std::min(answer, ping_after_ns()) : answer;
}

}  // namespace cleat::mqtt
