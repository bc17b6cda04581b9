// Floor of a RabbitMQ event in: a consumer of rabbitmq-c, the bare Beast client, and one acknowledgement for all
// messages up to the first that is not answered yet.
#include <cstdio>
#include <deque>

#include "args.hpp"
#include "posts.hpp"
#include "rabbit_client.hpp"

namespace cleat::bench {
namespace {

class Reader {
 public:
  explicit Reader(const Args& args);
  void run() { io_.run(); }

 private:
  void take(const amqp_frame_t& frame);
  void answered(std::uint64_t tag);
  void acknowledge();

  boost::asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  RabbitClient rabbit_;
  Posts posts_;
  Later acknowledge_{io_, [this] { acknowledge(); }};
  std::uint64_t tag_ = 0;
  std::size_t missing_ = 0;  ///< of the body that is coming in
  std::string body_{};
  std::deque<bool> is_done_{};  ///< by tag, from first_ on
  std::uint64_t first_ = 1;
};

Reader::Reader(const Args& args)
    : rabbit_(io_, args.whole("server", 0), args.text("queue")),
      posts_(io_, static_cast<std::uint16_t>(args.whole("port", 0)),
             static_cast<std::size_t>(args.whole("connections", 1)),
             [this](std::uint64_t tag) { answered(tag); }) {
  const auto prefetch = static_cast<std::uint16_t>(args.whole("connections", 1));
  const std::string queue = args.text("queue");
  amqp_basic_qos(rabbit_.raw(), RabbitClient::kChannel, 0, prefetch, 0);
  rabbit_.check_reply("prefetch");
  amqp_basic_consume(rabbit_.raw(), RabbitClient::kChannel, amqp_cstring_bytes(queue.c_str()),
                     amqp_cstring_bytes("floor"), 0, 0, 0, amqp_empty_table);
  rabbit_.check_reply("consume");
  rabbit_.read_always([this](const amqp_frame_t& frame) { take(frame); });
}

void Reader::take(const amqp_frame_t& frame) {
  if (frame.frame_type == AMQP_FRAME_METHOD) {
    tag_ = static_cast<const amqp_basic_deliver_t*>(frame.payload.method.decoded)->delivery_tag;
  } else if (frame.frame_type == AMQP_FRAME_HEADER) {
    missing_ = frame.payload.properties.body_size;
    body_.reserve(missing_);
  } else {
    const amqp_bytes_t& part = frame.payload.body_fragment;
    body_.append(static_cast<const char*>(part.bytes), part.len);
    missing_ -= part.len;
    if (missing_ != 0) return;
    is_done_.push_back(false);
    posts_.add(tag_, std::exchange(body_, {}));
  }
}

void Reader::answered(std::uint64_t tag) {
  is_done_[tag - first_] = true;
  acknowledge_.ask();
}

void Reader::acknowledge() {
  const std::uint64_t before = first_;
  while (!is_done_.empty() && is_done_.front()) {
    is_done_.pop_front();
    ++first_;
  }
  if (first_ != before)
    RabbitClient::check(amqp_basic_ack(rabbit_.raw(), RabbitClient::kChannel, first_ - 1, 1), "acknowledge");
}

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::Reader reader{cleat::bench::Args(argc, argv)};
  std::printf("ready\n");
  std::fflush(stdout);
  reader.run();
}
