// Floor of an MQTT create: the bare Beast server and a connection of libmosquitto; each body is published with QoS
// 1, and its PUBACK is the answer. Those that came together are sent together: a broker that saves what it is told
// then saves less often.
#include <mosquitto.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "args.hpp"
#include "beast_server.hpp"
#include "library_socket.hpp"

namespace cleat::bench {
namespace {

void check(int status, const char* what) {
  if (status == MOSQ_ERR_SUCCESS) return;
  std::fprintf(stderr, "mosquitto: %s: %s\n", what, mosquitto_strerror(status));
  std::exit(1);
}

class Publisher {
 public:
  explicit Publisher(const Args& args);
  void run() { io_.run(); }

 private:
  void publish(SessionPtr session);
  void publish_all();
  void acknowledged(int id);

  boost::asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  std::string topic_;
  mosquitto* client_ = mosquitto_new(nullptr, true, this);
  std::unordered_map<int, SessionPtr> out_{};
  std::optional<LibrarySocket> socket_{};
  std::vector<SessionPtr> waiting_{};
  Later publish_{io_, [this] { publish_all(); }};
};

Publisher::Publisher(const Args& args) : topic_(args.text("topic")) {
  constexpr int kKeepAlive = 3600, kMostOut = 1000;
  mosquitto_int_option(client_, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_int_option(client_, MOSQ_OPT_SEND_MAXIMUM, kMostOut);
  mosquitto_publish_callback_set(
      client_, [](mosquitto*, void* self, int id) { static_cast<Publisher*>(self)->acknowledged(id); });
  check(mosquitto_connect(client_, "127.0.0.1", args.whole("server", 0), kKeepAlive), "connect");
  socket_.emplace(io_, mosquitto_socket(client_));
  socket_->read_always([this] { check(mosquitto_loop_read(client_, 1), "read"); });
  serve(io_, [this](SessionPtr session) {
    waiting_.push_back(std::move(session));
    publish_.ask();
  });
}

void Publisher::publish_all() {
  for (SessionPtr& session : waiting_)
    publish(std::move(session));
  waiting_.clear();
}

void Publisher::publish(SessionPtr session) {
  const auto body = session->body();
  int id = 0;
  check(mosquitto_publish(client_, &id, topic_.c_str(), static_cast<int>(body.size()), body.data(), 1, false),
        "publish");
  out_.emplace(id, std::move(session));
}

void Publisher::acknowledged(int id) {
  out_.extract(id).mapped()->answer();
}

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  mosquitto_lib_init();
  cleat::bench::Publisher(cleat::bench::Args(argc, argv)).run();
}
