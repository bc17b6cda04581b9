#include "posts.hpp"

#include <cstdio>
#include <cstdlib>

namespace cleat::bench {

Posts::Posts(boost::asio::io_context& io, std::uint16_t port, std::size_t connections, Done done)
    : done_(std::move(done)), lanes_(connections) {
  for (Lane& lane : lanes_) {
    lane.connection =
        connect(io, port, "/events", [this, &lane](unsigned status) { answered(lane, status); });
    free_.push_back(&lane);
  }
}

void Posts::add(std::uint64_t tag, std::string body) {
  if (free_.empty()) {
    waiting_.push_back({tag, std::move(body)});
    return;
  }
  Lane& lane = *free_.back();
  free_.pop_back();
  send(lane, {tag, std::move(body)});
}

void Posts::send(Lane& lane, Event event) {
  lane.event = std::move(event);
  lane.connection->post(lane.event.body);
}

void Posts::answered(Lane& lane, unsigned status) {
  if (status / 100 != 2) {
    std::fprintf(stderr, "the application answered %u\n", status);
    std::exit(1);
  }
  const std::uint64_t tag = lane.event.tag;
  if (waiting_.empty()) {
    free_.push_back(&lane);
  } else {
    send(lane, std::move(waiting_.front()));
    waiting_.pop_front();
  }
  done_(tag);
}

}  // namespace cleat::bench
