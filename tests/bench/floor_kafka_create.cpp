// Floor of a Kafka create: the bare Beast server, and for each request one record whose delivery report is
// the answer. Few requests in flight and no linger: what arrives while a request to the broker is out travels
// in the next one.
#include <cstring>

#include "args.hpp"
#include "beast_server.hpp"
#include "kafka_client.hpp"

namespace cleat::bench {
namespace {

void on_report(rd_kafka_t*, const rd_kafka_message_t* report, void*) {
  const std::unique_ptr<SessionPtr> session(static_cast<SessionPtr*>(report->_private));
  (*session)->answer(report->err != RD_KAFKA_RESP_ERR_NO_ERROR);
}

void produce(rd_kafka_topic_t* topic, SessionPtr session) {
  const auto body = session->body();
  auto held = std::make_unique<SessionPtr>(session);
  // Without a copy: the body stays in the session until it is answered.
  if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, 0, const_cast<char*>(body.data()), body.size(), nullptr,
                       0, held.get()) != 0) {
    session->answer(true);
    return;
  }
  static_cast<void>(held.release());
}

void run(const Args& args) {
  rd_kafka_conf_t* settings = kafka_settings({{"bootstrap.servers", args.text("brokers")},
                                              {"linger.ms", "0"},
                                              {"acks", "all"},
                                              {"max.in.flight.requests.per.connection", "2"}});
  log_in(settings, args);
  rd_kafka_conf_set_dr_msg_cb(settings, on_report);
  boost::asio::io_context io(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
  const auto client = open_kafka(RD_KAFKA_PRODUCER, settings);
  const KafkaTopic topic(rd_kafka_topic_new(client.get(), args.text("topic").c_str(), nullptr));
  KafkaWakeup wakeup(io, [&client] { rd_kafka_poll(client.get(), 0); });
  const KafkaQueue reports(rd_kafka_queue_get_main(client.get()));
  wakeup.watch(reports.get());
  serve(io, [&topic](SessionPtr session) { produce(topic.get(), std::move(session)); });
  io.run();
}

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  cleat::bench::run(cleat::bench::Args(argc, argv));
}
