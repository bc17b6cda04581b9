#include "http/server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>

namespace cleat::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::uint64_t kAcceptPause = 100 * kMillisecond;
constexpr std::uint64_t kWarnEvery = 10 * kSecond;
constexpr int kPortTries = 16;

std::string text_of(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", address, endpoint.port())
                                    : fmt::format("{}:{}", address, endpoint.port());
}

}  // namespace

/// One io thread's part: its router and its open sessions.
class Server::Shard final : public SessionOwner {
 public:
  Shard(Server& server, AsioLoop& loop, HostView& host, std::uint32_t number)
      : server_(server), loop_(loop), router_(server.options_.router, host, server.extended_, number) {}
  ~Shard() override { cut(); }

  AsioLoop& loop() override { return loop_; }
  Router& router() override { return router_; }
  const SessionLimits& limits() const override { return server_.options_.limits; }
  bool stopping() const override { return stopping_; }

  void begin(tcp::socket socket) {
    const SessionPtr session(new Session(*this, std::move(socket)));
    intrusive_ptr_add_ref(static_cast<Exchange*>(session.get()));  // the list's, until on_closed()
    sessions_.push_back(*session);
    session->start();
    if (stopping_) session->stop();
  }
  void on_closed(Session& session) override {
    sessions_.erase(sessions_.iterator_to(session));
    intrusive_ptr_release(static_cast<Exchange*>(&session));
    server_.on_closed();
  }
  void stop() {
    stopping_ = true;
    for (auto next = sessions_.begin(); next != sessions_.end();)
      (next++)->stop();
  }
  void cut() {
    while (!sessions_.empty())
      sessions_.front().close();
  }

 private:
  Server& server_;
  AsioLoop& loop_;
  Router router_;
  boost::intrusive::list<Session> sessions_;
  bool stopping_ = false;
};

struct Server::Listener {
  Listener(AsioLoop& loop, Task on_pause_over) : acceptor(loop.context()), pause(std::move(on_pause_over)) {}
  tcp::acceptor acceptor;
  Timer pause;  ///< after the process ran out of descriptors
};

Server::Server(ServerOptions options, std::vector<AsioLoop*> loops, HostView& host, Log& log)
    : options_(std::move(options)), loops_(std::move(loops)), log_(log) {
  for (std::uint32_t i = 0; i < loops_.size(); ++i) {
    shards_.push_back(std::make_unique<Shard>(*this, *loops_[i], host, i));
  }
}

Server::~Server() {
  gone_ = Task();
  close_listeners();
  shards_.clear();
}

Result<std::uint16_t> Server::listen() {
  auto wanted = endpoints();
  if (!wanted) return wanted.error();
  if (auto bound = bind_all(*wanted); !bound) return bound.error();
  error_code ignored;
  const std::uint16_t port = listeners_.front()->acceptor.local_endpoint(ignored).port();
  for (auto& listener : listeners_) {
    loops_.front()->post([this, one = listener.get()] { accept(*one); });
  }
  return port;
}

Result<std::vector<tcp::endpoint>> Server::endpoints() const {
  std::vector<tcp::endpoint> found;
  for (const std::string& address : options_.addresses) {
    error_code error;
    const auto literal = asio::ip::make_address(address, error);
    if (!error) {
      found.emplace_back(literal, options_.port);
      continue;
    }
    tcp::resolver resolver(loops_.front()->context());
    for (const auto& entry : resolver.resolve(address, std::to_string(options_.port), error)) {
      found.push_back(entry.endpoint());
    }
    if (error) {
      return fail(fmt::format(
          "cannot listen on \"{}\": it is neither an IP address nor a name that resolves ({}); check "
          "--dapr-listen-addresses",
          address, error.message()));
    }
  }
  if (found.empty()) return fail("there is no address to listen on; check --dapr-listen-addresses");
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

// With port 0 the first address picks the port; where another address has it taken already, all try again.
Result<> Server::bind_all(std::vector<tcp::endpoint> endpoints) {
  const bool any_v4 =
      std::any_of(endpoints.begin(), endpoints.end(), [](const auto& e) { return e.address().is_v4(); });
  for (int tries = 1;; ++tries) {
    Result<> bound;
    for (tcp::endpoint endpoint : endpoints) {
      error_code ignored;
      if (!listeners_.empty()) endpoint.port(listeners_.front()->acceptor.local_endpoint(ignored).port());
      bound = bind(endpoint, any_v4);
      if (!bound) break;
    }
    if (bound) return bound;
    listeners_.clear();
    if (options_.port != 0 || endpoints.size() == 1 || tries == kPortTries) return bound;
  }
}

Result<> Server::bind(const tcp::endpoint& endpoint, bool only_v6) {
  auto listener = std::make_unique<Listener>(
      *loops_.front(), [this, index = listeners_.size()] { accept(*listeners_[index]); });
  tcp::acceptor& acceptor = listener->acceptor;
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(only_v6), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error == asio::error::address_in_use) {
    return fail(
        fmt::format("cannot listen on {}: another process uses this port; stop it, or choose another with "
                    "--dapr-http-port (0 takes any free one)",
                    text_of(endpoint)));
  }
  if (error) {
    return fail(fmt::format("cannot listen on {}: {}; check --dapr-listen-addresses and --dapr-http-port",
                            text_of(endpoint), error.message()));
  }
  listeners_.push_back(std::move(listener));
  return {};
}

void Server::accept(Listener& listener) {
  if (stopping_ || !listener.acceptor.is_open()) return;
  Shard& shard = *shards_[next_shard_];
  next_shard_ = (next_shard_ + 1) % shards_.size();
  listener.acceptor.async_accept(shard.loop().context(),
                                 [this, &listener, &shard](const error_code& error, tcp::socket socket) {
                                   if (error) return on_accept(listener, error, std::move(socket));
                                   take(std::move(socket), shard);
                                   accept(listener);
                                 });
}

void Server::on_accept(Listener& listener, const error_code& error, tcp::socket) {
  if (stopping_ || error == asio::error::operation_aborted) return;
  const bool client_left = error == asio::error::connection_aborted;
  if (client_left) return accept(listener);
  const std::uint64_t now = loops_.front()->now_ns();
  if (warned_ns_ == 0 || now - warned_ns_ > kWarnEvery) {
    warned_ns_ = now;
    log_.warn(
        "a connection to the HTTP port cannot be accepted, trying again; if the process ran out of "
        "descriptors, raise "
        "its limit (ulimit -n)",
        {{"error", error.message()}});
  }
  loops_.front()->arm(listener.pause, now + kAcceptPause);
}

void Server::take(tcp::socket socket, Shard& shard) {
  if (connections_.load(std::memory_order_relaxed) >= options_.max_connections)
    return refuse(std::move(socket));
  connections_.fetch_add(1, std::memory_order_relaxed);
  if (&shard.loop() == loops_.front()) return shard.begin(std::move(socket));
  shard.loop().post([&shard, moved = std::move(socket)]() mutable { shard.begin(std::move(moved)); });
}

void Server::refuse(tcp::socket socket) {
  const std::uint64_t now = loops_.front()->now_ns();
  if (warned_ns_ == 0 || now - warned_ns_ > kWarnEvery) {
    warned_ns_ = now;
    log_.warn("the HTTP port has as many connections as it may have; further ones are answered 503",
              {{"limit", std::to_string(options_.max_connections)}});
  }
  Response response = text_response(503, "too many connections");
  std::string out;
  append_head(out, response, Persistence::close);
  out += response.text;
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(out), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void Server::close_listeners() {
  for (auto& listener : listeners_) {
    error_code ignored;
    listener->acceptor.close(ignored);
    listener->pause.disarm();
  }
}

void Server::stop(Task gone) {
  loops_.front()->post([this, done = std::move(gone)]() mutable {
    gone_ = std::move(done);
    stopping_ = true;
    close_listeners();
    for (auto& shard : shards_) {
      shard->loop().post([one = shard.get()] { one->stop(); });
    }
    check_gone();
  });
}

void Server::cut() {
  for (auto& shard : shards_) {
    shard->loop().post([one = shard.get()] { one->cut(); });
  }
}

void Server::on_closed() {
  connections_.fetch_sub(1, std::memory_order_acq_rel);
  if (stopping_) loops_.front()->post([this] { check_gone(); });
}

void Server::check_gone() {
  if (!gone_ || connections_.load(std::memory_order_acquire) != 0) return;
  Task gone = std::move(gone_);
  gone();
}

}  // namespace cleat::http
