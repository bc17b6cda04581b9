#include "app_channel_fixture.hpp"

namespace cleat::testing {
namespace {

TEST_F(AppChannelTest, TellsUnreachableFromBroken) {
  start();
  post();
  {
    RawSocket socket = application_.accept();
    RawMessage::read(socket);
    socket.reset();
  }
  EXPECT_EQ(answer(0).outcome, Outcome::unreachable);
  const std::string_view broken[] = {"H",
                                     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
                                     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx",
                                     "nonsense\r\n\r\n",
                                     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
                                     "HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n",
                                     "HTTP/1.1 100 Continue\r\n\r\nH"};
  std::size_t index = 1;
  for (const std::string_view response : broken) {
    post();
    {
      RawSocket socket = application_.accept();
      RawMessage::read(socket);
      socket.send(response);
    }
    const Kept kept = answer(index++);
    EXPECT_EQ(kept.outcome, Outcome::broken) << response;
    EXPECT_FALSE(kept.error.empty());
  }
  application_.close();
  post();
  const Kept refused = answer(index);
  EXPECT_EQ(refused.outcome, Outcome::unreachable);
  EXPECT_NE(refused.error.find("refused"), std::string::npos) << refused.error;
}

TEST_F(AppChannelTest, ALongAnswerThatNobodyReadsIsAnAnswer) {
  const std::string long_answer(5 << 20, 'x');
  const std::string head =
      "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(long_answer.size()) + "\r\n\r\n";
  start();
  post();
  RawSocket socket = application_.accept();
  RawMessage::read(socket);
  socket.send(head + long_answer);
  EXPECT_EQ(answer(0).status, 200U);
  post();
  RawMessage::read(socket);
  socket.send(kOk);
  EXPECT_EQ(answer(1).status, 200U) << "on the same connection";
}

TEST_F(AppChannelTest, ALongAnswerThatIsReadIsBroken) {
  channel_options_.reads_answers = true;
  start();
  post();
  RawSocket socket = application_.accept();
  RawMessage::read(socket);
  socket.send("HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n");
  const Kept kept = answer(0);
  EXPECT_EQ(kept.outcome, Outcome::broken);
  EXPECT_NE(kept.error.find("longer than 4194304 bytes"), std::string::npos) << kept.error;
}

TEST_F(AppChannelTest, TakesAnEarlyAnswerToALargeEvent) {
  start();
  post({.data = std::string(16 << 20, 'x')});
  RawSocket socket = application_.accept();
  socket.read_until("\r\n\r\n");
  socket.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(answer(0).status, 413U);
}

TEST_F(AppChannelTest, TakesAnEarlyAnswerBeforeAReset) {
  start();
  for (std::size_t i = 0; i < 20; ++i) {
    post({.data = std::string(16 << 20, 'x')});
    {
      RawSocket socket = application_.accept();
      socket.read_until("\r\n\r\n");
      socket.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
    }  // closed with bytes unread, which is a reset
    const Kept kept = answer(i);
    EXPECT_EQ(kept.outcome, Outcome::answered) << kept.error;
    EXPECT_EQ(kept.body, "big");
    events_.clear();
  }
}

TEST_F(AppChannelTest, TellsEveryStatus) {
  start();
  std::optional<RawSocket> socket;
  for (unsigned status = 200; status <= 599; ++status) {
    post();
    if (!socket) socket = application_.accept();
    RawMessage::read(*socket);
    const bool bodiless = status == 204 || status == 304;
    socket->send("HTTP/1.1 " + std::to_string(status) + " X\r\n" + (bodiless ? "" : "Content-Length: 1\r\n") +
                 "Retry-After: 7\r\n\r\n" + (bodiless ? "" : "b"));
    const Kept kept = answer(status - 200);
    EXPECT_EQ(kept.outcome, Outcome::answered) << kept.error;
    EXPECT_EQ(kept.status, status);
    EXPECT_EQ(kept.retry_after, "7");
  }
}

TEST_F(AppChannelTest, TakesAnInterimAnswerThatStaysTheLastForTheAnswer) {
  start();
  std::size_t index = 0;
  for (const unsigned status : {100U, 101U, 102U, 199U}) {
    post();
    {
      RawSocket socket = application_.accept();
      RawMessage::read(socket);
      socket.send("HTTP/1.1 " + std::to_string(status) + " X\r\n\r\n");
    }
    const Kept kept = answer(index++);
    EXPECT_EQ(kept.outcome, Outcome::answered) << kept.error;
    EXPECT_EQ(kept.status, status);
  }
}

TEST_F(AppChannelTest, TakesNoInterimAnswersWithoutEnd) {
  start();
  post();
  RawSocket socket = application_.accept();
  RawMessage::read(socket);
  std::string many;
  for (int i = 0; i < 40; ++i)
    many += "HTTP/1.1 102 X\r\n\r\n";
  socket.send(many);
  EXPECT_EQ(answer(0).outcome, Outcome::broken);
}

TEST_F(AppChannelTest, CutsALargeAnswerThatIsSlowAndNotOneThatIsQuick) {
  channel_options_.handler_timeout_ns = 3 * kSecond;
  start();
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", body(1'000'000, 'x');
  post();
  RawSocket quick = application_.accept();
  RawMessage::read(quick);
  quick.send(head + body);
  EXPECT_EQ(answer(0).body.size(), body.size());
  post();
  RawMessage::read(quick);
  quick.send(head + body.substr(1));  // the last byte never comes
  const Kept slow = answer(1);
  EXPECT_EQ(slow.outcome, Outcome::timed_out);
  EXPECT_EQ(slow.status, 0U);
  EXPECT_TRUE(quick.is_closed_by_peer());
}

TEST_F(AppChannelTest, DoesNotSendAnEventWhoseLastInstantPassedWhileItWaited) {
  options_.max_concurrency = 1;
  start();
  post();
  Event& late = post({.data = "late", .settle_by_ns = 1});
  post({.data = "next"});
  RawSocket socket = application_.accept();
  RawMessage::read(socket);
  socket.send(kOk);
  EXPECT_EQ(RawMessage::read(socket).body, "next");
  answer(1);
  EXPECT_EQ(answered_events_.at(1), &late);
  EXPECT_EQ(answers_.at(1).outcome, Outcome::expired);
  socket.send(kOk);
  EXPECT_EQ(answer(2).status, 200U);
}

TEST_F(AppChannelTest, DoesNotSendABatchWithAnEventWhoseLastInstantPassedWhileItWaited) {
  options_.max_concurrency = 1;
  start();
  post();
  Batch& late = post_batch({{.data = "in time"}, {.data = "late", .settle_by_ns = 1}});
  RawSocket socket = application_.accept();
  RawMessage::read(socket);
  socket.send(kOk);
  EXPECT_EQ(answer(1).outcome, Outcome::expired);
  EXPECT_EQ(answered_batch_, &late);
}

}  // namespace
}  // namespace cleat::testing
