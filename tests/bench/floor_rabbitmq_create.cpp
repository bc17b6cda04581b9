// Floor of a RabbitMQ create: the bare Beast server and one channel of rabbitmq-c with publisher confirms; each
// body is a persistent, mandatory message to a durable queue, and the broker's confirm is the answer.
#include <cstdio>
#include <cstdlib>
#include <deque>

#include "args.hpp"
#include "beast_server.hpp"
#include "rabbit_client.hpp"

namespace cleat::bench {
namespace {

class Publisher {
 public:
  explicit Publisher(const Args& args);
  void run() { io_.run(); }

 private:
  void publish(SessionPtr session);
  void confirmed(const amqp_basic_ack_t& ack);

  boost::asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  std::string queue_;
  RabbitClient rabbit_;
  std::deque<SessionPtr> out_{};  ///< by tag, from first_ on; none where it was confirmed already
  std::uint64_t first_ = 1;
};

Publisher::Publisher(const Args& args)
    : queue_(args.text("queue")), rabbit_(io_, args.whole("server", 0), queue_) {
  amqp_confirm_select(rabbit_.raw(), RabbitClient::kChannel);
  rabbit_.check_reply("confirms");
  rabbit_.read_always([this](const amqp_frame_t& frame) {
    if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD) {
      std::fprintf(stderr, "rabbitmq: something else than a confirm\n");
      std::exit(1);
    }
    confirmed(*static_cast<const amqp_basic_ack_t*>(frame.payload.method.decoded));
  });
  serve(io_, [this](SessionPtr session) { publish(std::move(session)); });
}

void Publisher::publish(SessionPtr session) {
  const auto body = session->body();
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
  const int status = amqp_basic_publish(rabbit_.raw(), RabbitClient::kChannel, amqp_empty_bytes,
                                        amqp_cstring_bytes(queue_.c_str()), 1, 0, &properties,
                                        {body.size(), const_cast<char*>(body.data())});
  RabbitClient::check(status, "publish");
  out_.push_back(std::move(session));
}

void Publisher::confirmed(const amqp_basic_ack_t& ack) {
  const std::size_t last = ack.delivery_tag - first_;
  for (std::size_t at = ack.multiple != 0 ? 0 : last; at <= last; ++at) {
    if (const SessionPtr session = std::exchange(out_[at], nullptr)) session->answer();
  }
  while (!out_.empty() && !out_.front()) {
    out_.pop_front();
    ++first_;
  }
}

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::Publisher(cleat::bench::Args(argc, argv)).run();
}
