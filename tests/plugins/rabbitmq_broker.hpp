#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/scripted_server.hpp"

/// RabbitMQ, in the hands of a test: as much of AMQP 0-9-1 as the plugin speaks.
namespace cleat::rabbitmq::as_broker {

inline std::string number(std::uint64_t value, unsigned bytes) {
  std::string out;
  for (unsigned i = bytes; i-- > 0;)
    out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

inline std::string short_text(std::string_view text) {
  return number(text.size(), 1) + std::string(text);
}

inline std::string long_text(std::string_view text) {
  return number(text.size(), 4) + std::string(text);
}

/// Reads what the plugin sent.
class Fields {
 public:
  explicit Fields(std::string_view rest) : rest_(rest) {}
  std::uint64_t number(unsigned bytes) {
    std::uint64_t value = 0;
    for (const char c : take(bytes))
      value = (value << 8U) | static_cast<unsigned char>(c);
    return value;
  }
  std::string short_text() { return std::string(take(number(1))); }
  std::string_view take(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view rest_;
};

struct Published {
  std::uint64_t channel = 0, tag = 0;  ///< as the confirm names it
  std::string exchange, routing_key, body;
};

/// One connection of the plugin. What is sent may be sent from every thread.
class Peer {
 public:
  explicit Peer(testing::ScriptedServer::Connection& connection) : connection_(connection) {}

  void method(std::uint64_t channel, unsigned group, unsigned id, const std::string& arguments) {
    send(frame(1, channel, number(group, 2) + number(id, 2) + arguments));
  }
  void confirm(std::uint64_t channel, std::uint64_t tag, bool multiple = false) {
    method(channel, 60, 80, number(tag, 8) + number(multiple ? 1 : 0, 1));
  }
  void refuse(std::uint64_t channel, std::uint64_t tag, bool multiple = false) {
    method(channel, 60, 120, number(tag, 8) + number(multiple ? 1 : 0, 1));
  }
  void give_back(const Published& message) {
    send(frame(1, message.channel,
               number(60, 2) + number(50, 2) + number(312, 2) + short_text("NO_ROUTE") +
                   short_text(message.exchange) + short_text(message.routing_key)) +
         content(message.channel, message.body));
  }
  void deliver(std::uint64_t tag, const std::string& body, bool redelivered = false) {
    send(frame(1, 1,
               number(60, 2) + number(60, 2) + short_text("me") + number(tag, 8) +
                   number(redelivered ? 1 : 0, 1) + short_text("") + short_text("q")) +
         content(1, body));
  }
  void close_channel(std::uint64_t channel, unsigned code, const std::string& why) {
    method(channel, 20, 40, number(code, 2) + short_text(why) + number(0, 4));
  }
  void close_connection(unsigned code, const std::string& why) {
    method(0, 10, 50, number(code, 2) + short_text(why) + number(0, 4));
  }
  void block(const std::string& why) { method(0, 10, 60, short_text(why)); }
  void unblock() { method(0, 10, 61, ""); }
  void cancel_consumer() { method(1, 60, 30, short_text("me") + number(1, 1)); }

 private:
  static std::string frame(unsigned type, std::uint64_t channel, const std::string& payload) {
    return number(type, 1) + number(channel, 2) + long_text(payload) + "\xCE";
  }
  static std::string content(std::uint64_t channel, const std::string& body) {
    const std::string header =
        frame(2, channel, number(60, 2) + number(0, 2) + number(body.size(), 8) + number(0, 2));
    return body.empty() ? header : header + frame(3, channel, body);
  }
  void send(const std::string& text) {
    const std::lock_guard lock(mutex_);
    connection_.write(text);
  }

  testing::ScriptedServer::Connection& connection_;
  std::mutex mutex_;
};

/// What a test does when something comes; on the thread of the connection, whose number is 1 for the first one.
struct Script {
  std::function<void(Peer&, const Published&)> published = [](Peer& peer, const Published& message) {
    peer.confirm(message.channel, message.tag);
  };
  /// Before the body is read.
  std::function<void(Peer&, const Published&)> publishing = [](Peer&, const Published&) {};
  std::function<void(Peer&, std::size_t connection)> consuming = [](Peer&, std::size_t) {};
  bool says_hello = true;
};

class Broker {
 public:
  explicit Broker(Script script)
      : script_(std::move(script)), server_([this](auto& connection) { serve(connection); }) {}

  [[nodiscard]] std::string uri() const {
    return "amqp://u:secret@127.0.0.1:" + std::to_string(server_.port());
  }
  [[nodiscard]] std::size_t connections() const { return server_.connections(); }
  /// "ack 1", "nack 2 requeue", "nack 3 drop", "consume 64", "cancel", "close", with the number of the connection before.
  [[nodiscard]] std::vector<std::string> notes() const { return server_.notes(); }
  [[nodiscard]] bool has(const std::string& note) const { return server_.count(note) > 0; }

  /// Does something with the newest connection that is logged in; false if there is none.
  bool with_peer(const std::function<void(Peer&)>& action) {
    const std::lock_guard lock(mutex_);
    if (peer_ != nullptr) action(*peer_);
    return peer_ != nullptr;
  }

 private:
  struct Incoming {
    Published message;
    std::uint64_t missing = 0, published = 0;
  };

  void serve(testing::ScriptedServer::Connection& connection) {
    Peer peer(connection);
    connection.read_bytes(8);
    if (script_.says_hello) {
      peer.method(0, 10, 10,
                  std::string("\0\x09", 2) + number(0, 4) + long_text("PLAIN") + long_text("en_US"));
    }
    Incoming incoming[3];
    while (read_frame(connection, peer, incoming)) {
    }
    const std::lock_guard lock(mutex_);
    if (peer_ == &peer) peer_ = nullptr;
  }

  bool read_frame(testing::ScriptedServer::Connection& connection, Peer& peer, Incoming (&all)[3]) {
    const std::string head = connection.read_bytes(7);
    if (head.empty()) return false;
    Fields fields(head);
    const std::uint64_t type = fields.number(1), channel = fields.number(2), size = fields.number(4);
    const std::string payload = connection.read_bytes(size + 1);
    if (payload.empty()) return false;
    Fields rest(std::string_view(payload).substr(0, size));
    Incoming& incoming = all[channel];
    if (type == 1) return method(connection, peer, channel, rest, incoming);
    if (type == 2) {
      rest.take(4);
      incoming.missing = rest.number(8);
    } else if (type == 3) {
      incoming.message.body += rest.take(size);
      incoming.missing -= size;
    }
    if (type != 8 && incoming.missing == 0) {
      incoming.message.tag = ++incoming.published;
      script_.published(peer, std::exchange(incoming.message, {}));
    }
    return true;
  }

  bool method(testing::ScriptedServer::Connection& connection, Peer& peer, std::uint64_t channel,
              Fields& rest, Incoming& incoming) {
    const std::string who = std::to_string(connection.number) + ": ";
    const std::uint64_t group = rest.number(2), id = rest.number(2);
    switch (group * 1000 + id) {
      case 10'011:
        peer.method(0, 10, 30, number(8, 2) + number(131'072, 4) + number(0, 2));
        break;
      case 10'040: {
        peer.method(0, 10, 41, short_text(""));
        const std::lock_guard lock(mutex_);
        peer_ = &peer;
        break;
      }
      case 10'050:
        connection.note(who + "close");
        peer.method(0, 10, 51, "");
        break;
      case 20'010:
        incoming = {};
        peer.method(channel, 20, 11, long_text(""));
        break;
      case 20'020:
        peer.method(channel, 20, 21, number(1, 1));
        break;
      case 50'010:
        peer.method(channel, 50, 11, short_text("q") + number(0, 8));
        break;
      case 60'010:
        rest.take(4);
        connection.note(who + "prefetch " + std::to_string(rest.number(2)));
        peer.method(channel, 60, 11, "");
        break;
      case 60'020:
        connection.note(who + "consume");
        peer.method(channel, 60, 21, short_text("me"));
        script_.consuming(peer, connection.number);
        break;
      case 60'030:
        connection.note(who + "cancel");
        peer.method(channel, 60, 31, short_text("me"));
        break;
      case 60'040:
        rest.take(2);
        incoming.message.channel = channel;
        incoming.message.exchange = rest.short_text();
        incoming.message.routing_key = rest.short_text();
        script_.publishing(peer, incoming.message);
        break;
      case 60'080:
      case 60'120: {
        const std::string tag = std::to_string(rest.number(8));
        const std::uint64_t bits = rest.number(1);
        const char* what = (bits & 2U) != 0 ? " requeue" : " drop";
        connection.note(who + (id == 80 ? "ack " + tag : "nack " + tag + what) +
                        ((bits & 1U) != 0 ? " multiple" : ""));
        break;
      }
      case 85'010:
        peer.method(channel, 85, 11, "");
        break;
      default:
        break;
    }
    return true;
  }

  const Script script_;
  std::mutex mutex_;
  Peer* peer_ = nullptr;
  testing::ScriptedServer server_;
};

}  // namespace cleat::rabbitmq::as_broker
