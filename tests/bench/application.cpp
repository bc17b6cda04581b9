// The minimal application: takes every POST, answers 204 (with --echo 1: 200 and the same body, with --answer TEXT: 200
// and that) at once, on bare sockets and one thread, and counts. A batch is answered by its statuses, all SUCCESS, and counts as so many
// events. GET /stats tells what was counted since GET /reset. "gap" is the time from an answer to the next event on
// the same connection, which is what the sender makes of it; "age" is that of events whose body begins with
// {"t":<CLOCK_MONOTONIC ns>.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <string>
#include <unordered_map>

#include "args.hpp"
#include "histogram.hpp"
#include "http_scan.hpp"
#include "sockets.hpp"

namespace cleat::bench {
namespace {

struct Peer {
  int socket = -1;
  std::uint64_t answered = 0;  ///< when its last event was answered
  std::string received{};
};

class Application {
 public:
  explicit Application(const Args& args)
      : is_echo_(args.whole("echo", 0) != 0), answer_(args.text("answer")) {}
  [[noreturn]] void run();

 private:
  void accept_all();
  void receive(Peer& peer);
  void serve(Peer& peer, std::string_view request, std::string_view body);
  void count(Peer& peer, std::string_view body, std::uint64_t events);
  std::uint64_t write_statuses(std::string_view batch);
  [[nodiscard]] std::string answer_to(std::string_view body) const;
  [[nodiscard]] std::string stats() const;

  bool is_echo_;
  std::string answer_;
  std::string statuses_{};
  int listener_ = -1;
  int poller_ = epoll_create1(EPOLL_CLOEXEC);
  std::unordered_map<int, std::unique_ptr<Peer>> peers_{};
  std::uint64_t count_ = 0, bytes_ = 0;
  Histogram gap_{}, age_{};
};

void Application::accept_all() {
  for (int socket = accept(listener_, nullptr, nullptr); socket >= 0;
       socket = accept(listener_, nullptr, nullptr)) {
    make_nonblocking(socket);
    auto& peer = peers_[socket] = std::make_unique<Peer>();
    peer->socket = socket;
    epoll_event event{EPOLLIN, {.ptr = peer.get()}};
    if (epoll_ctl(poller_, EPOLL_CTL_ADD, socket, &event) != 0) give_up("cannot watch a socket");
  }
}

void Application::receive(Peer& peer) {
  char bytes[64 * 1024];
  const auto size = recv(peer.socket, bytes, sizeof bytes, 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) {
    const int socket = peer.socket;
    peers_.erase(socket);
    close(socket);
    return;
  }
  std::string_view unread(bytes, static_cast<std::size_t>(size));
  if (!peer.received.empty()) unread = peer.received.append(unread);
  auto scan = scan_http(unread);
  while (scan.head != 0 && unread.size() >= scan.head + scan.body) {
    if (scan.chunked) give_up("an event came in chunks, which the application does not read");
    serve(peer, unread.substr(0, scan.head), unread.substr(scan.head, scan.body));
    unread.remove_prefix(scan.head + scan.body);
    scan = scan_http(unread);
  }
  peer.received = std::string(unread);
}

void Application::serve(Peer& peer, std::string_view request, std::string_view body) {
  if (request.starts_with("POST ")) {
    const bool is_batch = body.starts_with('[');
    count(peer, body, is_batch ? write_statuses(body) : 1);
    send_all(peer.socket, is_batch ? statuses_ : answer_to(body));
    peer.answered = now_ns();
  } else if (request.starts_with("GET /stats ")) {
    send_all(peer.socket, stats());
  } else {
    if (request.starts_with("GET /reset ")) {
      count_ = bytes_ = 0;
      gap_.clear();
      age_.clear();
    }
    // Who PUTs an object to it takes an answer without an ETag for one of somebody else.
    send_all(peer.socket, "HTTP/1.1 200 OK\r\nETag: \"0\"\r\nContent-Length: 0\r\n\r\n");
  }
}

std::string Application::answer_to(std::string_view body) const {
  if (!is_echo_ && answer_.empty()) return "HTTP/1.1 204 No Content\r\n\r\n";
  const std::string_view said = is_echo_ ? body : answer_;
  return ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
          std::to_string(said.size()) + "\r\n\r\n")
      .append(said);
}

// Found by what the host writes before each id; neither ids nor data of the generator look like that.
std::uint64_t Application::write_statuses(std::string_view batch) {
  constexpr std::string_view kEntry = R"({"entryId":")", kSuccess = R"(","status":"SUCCESS"},)";
  std::string body = R"({"statuses":[)";
  std::uint64_t events = 0;
  for (auto at = batch.find(kEntry); at != std::string_view::npos; at = batch.find(kEntry, at)) {
    const auto id_ends = batch.find('"', at + kEntry.size());
    body.append(batch.substr(at, id_ends - at)).append(kSuccess);
    at = id_ends;
    ++events;
  }
  if (events == 0) give_up("a batch came without an entry that can be found");
  body.back() = ']';
  body += '}';
  statuses_ =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n" + body;
  return events;
}

void Application::count(Peer& peer, std::string_view body, std::uint64_t events) {
  const auto now = now_ns();
  count_ += events;
  bytes_ += body.size();
  if (peer.answered != 0) gap_.add(now - peer.answered);
  constexpr std::string_view kStamp = R"({"t":)";
  if (!body.starts_with(kStamp)) return;
  std::uint64_t sent = 0;
  std::from_chars(body.data() + kStamp.size(), body.data() + body.size(), sent);
  if (sent != 0 && sent <= now) age_.add(now - sent);
}

std::string Application::stats() const {
  char body[512];
  const int size = std::snprintf(
      body, sizeof body,
      R"({"at_ns":%llu,"count":%llu,"bytes":%llu,"gap_p50_us":%.1f,"gap_p99_us":%.1f,"age_p50_us":%.1f,"age_p99_us":%.1f})",
      static_cast<unsigned long long>(now_ns()), static_cast<unsigned long long>(count_),
      static_cast<unsigned long long>(bytes_), gap_.quantile_us(0.5), gap_.quantile_us(0.99),
      age_.quantile_us(0.5), age_.quantile_us(0.99));
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(size) +
         "\r\n\r\n" + body;
}

void Application::run() {
  listener_ = listen_on_loopback();
  epoll_event listening{EPOLLIN, {.ptr = nullptr}};
  if (epoll_ctl(poller_, EPOLL_CTL_ADD, listener_, &listening) != 0) give_up("cannot watch the listener");
  while (true) {
    epoll_event events[256];
    const int ready = epoll_wait(poller_, events, 256, -1);
    for (int at = 0; at < ready; ++at) {
      if (events[at].data.ptr == nullptr) {
        accept_all();
      } else {
        receive(*static_cast<Peer*>(events[at].data.ptr));
      }
    }
  }
}

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::Application(cleat::bench::Args(argc, argv)).run();
}
