// The load: POSTs an invocation of 1 KB over N connections and reads the answers, on bare sockets, so that on
// a machine of two cores it takes as little as can be from the program under test. Closed loop by default;
// with --rate an open one, in which a latency counts from the instant the request was due, whether or not a
// connection was free.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstdio>
#include <deque>
#include <string>
#include <vector>

#include "args.hpp"
#include "histogram.hpp"
#include "http_scan.hpp"
#include "sockets.hpp"

namespace cleat::bench {
namespace {

struct Connection {
  int socket = -1;
  std::uint64_t since = 0;  ///< when the running request was sent, or was due
  std::string received{};
};

class Load {
 public:
  explicit Load(const Args& args);
  int run();

 private:
  void send(Connection& connection, std::uint64_t since);
  void receive(Connection& connection);
  void answered(Connection& connection);
  void send_due(std::uint64_t now);
  [[nodiscard]] timespec wait_time(std::uint64_t now) const;

  std::string request_;
  std::vector<Connection> connections_;
  std::vector<Connection*> idle_{};  ///< open loop only
  std::uint64_t length_;
  std::uint64_t period_;  ///< ns between requests; 0: closed loop
  std::uint64_t start_ = 0, due_ = 0, end_ = 0;
  int poller_ = epoll_create1(EPOLL_CLOEXEC);
  Histogram latency_{};
  std::uint64_t failed_ = 0;
};

/// With data such that all of it is of this size; --size 0: without data.
std::string invocation(const Args& args) {
  const auto size = static_cast<std::size_t>(args.whole("size", 1024));
  std::string body = R"({"operation":")" + args.text("operation", "create") + '"';
  const std::string metadata = args.text("metadata");
  if (!metadata.empty()) body += R"(,"metadata":)" + metadata;
  if (size == 0) return body + '}';
  body += R"(,"data":{")" + args.text("member", "text") + R"(":")";
  const std::string_view tail = R"("}})";
  body.append(size - std::min(size, body.size() + tail.size()), 'x');
  return body.append(tail);
}

Load::Load(const Args& args)
    : connections_(static_cast<std::size_t>(args.whole("connections", 1))),
      length_(static_cast<std::uint64_t>(args.number("seconds", 1) * 1e9)),
      period_(args.number("rate", 0) > 0 ? static_cast<std::uint64_t>(1e9 / args.number("rate", 0)) : 0) {
  const auto body = invocation(args);
  request_ = "POST " + args.text("path", "/") +
             " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" +
             "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  for (auto& connection : connections_) {
    connection.socket = connect_to_loopback(static_cast<std::uint16_t>(args.whole("port", 0)));
    epoll_event event{EPOLLIN, {.ptr = &connection}};
    if (epoll_ctl(poller_, EPOLL_CTL_ADD, connection.socket, &event) != 0) give_up("cannot watch a socket");
  }
}

void Load::send(Connection& connection, std::uint64_t since) {
  connection.since = since;
  send_all(connection.socket, request_);
}

void Load::receive(Connection& connection) {
  char bytes[16 * 1024];
  const auto size = recv(connection.socket, bytes, sizeof bytes, 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) give_up("the server closed a connection");
  connection.received.append(bytes, static_cast<std::size_t>(size));
  const auto scan = scan_http(connection.received);
  if (scan.chunked) give_up("the server answered in chunks, which the load does not read");
  if (scan.head == 0 || connection.received.size() < scan.head + scan.body) return;
  if (connection.received.compare(9, 1, "2") != 0 && failed_++ == 0) {
    std::fprintf(stderr, "first answer that is no 2xx:\n%s\n", connection.received.c_str());
  }
  connection.received.clear();
  answered(connection);
}

void Load::answered(Connection& connection) {
  const auto now = now_ns();
  latency_.add(now - connection.since);
  if (period_ != 0) {
    idle_.push_back(&connection);
  } else if (now < end_) {
    send(connection, now);
  }
}

void Load::send_due(std::uint64_t now) {
  while (due_ <= now && due_ < end_ && !idle_.empty()) {
    send(*idle_.back(), due_);
    idle_.pop_back();
    due_ += period_;
  }
}

timespec Load::wait_time(std::uint64_t now) const {
  const auto until = period_ != 0 && !idle_.empty() ? std::min(due_, end_) : end_ + 1'000'000;
  const auto left = until > now ? until - now : 0;
  return {static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
}

int Load::run() {
  start_ = due_ = now_ns();
  end_ = start_ + length_;
  for (auto& connection : connections_) {
    if (period_ != 0) {
      idle_.push_back(&connection);
    } else {
      send(connection, start_);
    }
  }
  for (auto now = start_; now < end_; now = now_ns()) {
    send_due(now);
    epoll_event events[256];
    const auto wait = wait_time(now_ns());
    const int ready = epoll_pwait2(poller_, events, 256, &wait, nullptr);
    for (int at = 0; at < ready; ++at)
      receive(*static_cast<Connection*>(events[at].data.ptr));
  }
  const auto seconds = static_cast<double>(now_ns() - start_) / 1e9;
  std::printf(R"({"operations":%llu,"seconds":%.6f,"p50_us":%.1f,"p99_us":%.1f,"failed":%llu})"
              "\n",
              static_cast<unsigned long long>(latency_.count()), seconds, latency_.quantile_us(0.5),
              latency_.quantile_us(0.99), static_cast<unsigned long long>(failed_));
  return failed_ == 0 && latency_.count() > 0 ? 0 : 1;
}

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  return cleat::bench::Load(cleat::bench::Args(argc, argv)).run();
}
