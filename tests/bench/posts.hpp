#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "beast_client.hpp"

namespace cleat::bench {

/// What waits for the application, over a number of its connections: each takes the next one when it is free.
class Posts {
 public:
  /// `done` gets the tag of an event that the application took. Another answer ends the program.
  using Done = std::function<void(std::uint64_t tag)>;

  Posts(boost::asio::io_context& io, std::uint16_t port, std::size_t connections, Done done);
  void add(std::uint64_t tag, std::string body);
  /// Events that no connection has taken yet.
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  /// Connections that have nothing to do.
  [[nodiscard]] std::size_t free() const { return free_.size(); }

 private:
  struct Event {
    std::uint64_t tag;
    std::string body;
  };
  struct Lane {
    std::unique_ptr<ClientConnection> connection;
    Event event{};
  };

  void send(Lane& lane, Event event);
  void answered(Lane& lane, unsigned status);

  Done done_;
  std::vector<Lane> lanes_;
  std::vector<Lane*> free_{};
  std::deque<Event> waiting_{};
};

}  // namespace cleat::bench
