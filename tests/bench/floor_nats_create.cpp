// Floor of a NATS create: the bare Beast server and a connection of libnats. Bodies that come together are
// published together, and answered when the server has answered one PING behind them, for which the only thread of
// ours waits.
#include <nats/nats.h>

#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "args.hpp"
#include "beast_server.hpp"
#include "library_socket.hpp"

namespace cleat::bench {
namespace {

void check(natsStatus status, const char* what) {
  if (status == NATS_OK) return;
  std::fprintf(stderr, "nats: %s: %s\n", what, natsStatus_GetText(status));
  std::exit(1);
}

class Publisher {
 public:
  explicit Publisher(const Args& args);
  void run() { io_.run(); }

 private:
  void publish_all();

  boost::asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  std::string subject_;
  natsConnection* connection_ = nullptr;
  std::vector<SessionPtr> waiting_{};
  Later publish_{io_, [this] { publish_all(); }};
};

Publisher::Publisher(const Args& args) : subject_(args.text("subject")) {
  check(natsConnection_ConnectTo(&connection_, args.text("server").c_str()), "connect");
  serve(io_, [this](SessionPtr session) {
    waiting_.push_back(std::move(session));
    publish_.ask();
  });
}

void Publisher::publish_all() {
  const std::vector<SessionPtr> mine = std::exchange(waiting_, {});
  for (const SessionPtr& session : mine) {
    const auto body = session->body();
    check(natsConnection_Publish(connection_, subject_.c_str(), body.data(), static_cast<int>(body.size())),
          "publish");
  }
  check(natsConnection_Flush(connection_), "flush");
  for (const SessionPtr& session : mine)
    session->answer();
}

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::Publisher(cleat::bench::Args(argc, argv)).run();
}
