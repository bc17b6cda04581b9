#include "http/server.hpp"

#include <gtest/gtest.h>

#include <string>

#include "server_fixture.hpp"

namespace cleat {
namespace {

using testing::RawMessage;
using testing::RawSocket;
using testing::ServerTest;

TEST_F(ServerTest, ReadsARequestThatComesByteByByte) {
  start();
  RawSocket socket = connect();
  for (const char c : post("/v1.0/bindings/k", kCreate))
    ASSERT_TRUE(socket.send({&c, 1}));
  EXPECT_EQ(RawMessage::read(socket).status(), 204);
  for (const char c :
       std::string("PUT /v1.0/bindings/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "5\r\n{\"dat\r\n6;x=y\r\na\":\"x\"\r\n1\r\n}\r\n0\r\nTrailer: t\r\n\r\n")) {
    ASSERT_TRUE(socket.send({&c, 1}));
  }
  EXPECT_EQ(RawMessage::read(socket).status(), 204);
  EXPECT_EQ(port_.requests.at(1).data, "\"x\"");
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  port_.make_result = [](const OutputRequest& request) { return testing::result_with_body(request.data); };
  start();
  RawSocket socket = connect();
  std::string all;
  for (int i = 0; i < 100; ++i)
    all += post("/v1.0/bindings/k", R"({"data":)" + std::to_string(i) + "}");
  ASSERT_TRUE(socket.send(all));
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(RawMessage::read(socket).body, std::to_string(i));
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrderThoughTheyEndLater) {
  port_.hold = true;
  start();
  RawSocket socket = connect();
  ASSERT_TRUE(socket.send(post("/v1.0/bindings/k", kCreate) + get("/v1.0/healthz")));
  wait_for_held(1);
  on_loop([&] { port_.finish(0, testing::result_with_body("late")); });
  EXPECT_EQ(RawMessage::read(socket).body, "late");
  EXPECT_EQ(RawMessage::read(socket).status(), 204);
}

TEST_F(ServerTest, SendsABodyThatNoSocketBufferHolds) {
  const std::string large(32 << 20, 'x');
  port_.make_result = [&](const OutputRequest&) { return testing::result_with_body(large); };
  start();
  RawSocket socket = connect();
  ASSERT_TRUE(socket.send(post("/v1.0/bindings/k", kCreate) + get("/v1.0/healthz")));
  const RawMessage message = RawMessage::read(socket);
  EXPECT_EQ(message.body.size(), large.size());
  EXPECT_EQ(message.body, large);
  EXPECT_EQ(RawMessage::read(socket).status(), 204);
}

TEST_F(ServerTest, KeepsHttp10ConnectionsOnlyWhenTold) {
  start();
  RawSocket socket = connect();
  ASSERT_TRUE(socket.send("GET /v1.0/healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_EQ(RawMessage::read(socket).header("connection"), "keep-alive");
  ASSERT_TRUE(socket.send("GET /v1.0/healthz HTTP/1.0\r\n\r\n"));
  EXPECT_EQ(RawMessage::read(socket).header("connection"), "close");
  EXPECT_TRUE(socket.is_closed_by_peer());
}

TEST_F(ServerTest, ClosesWhenAskedTo) {
  start();
  RawSocket socket = connect();
  ASSERT_TRUE(socket.send("GET /v1.0/healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  EXPECT_EQ(RawMessage::read(socket).header("connection"), "close");
  EXPECT_TRUE(socket.is_closed_by_peer());
}

TEST_F(ServerTest, AnswersAClientThatStoppedSending) {
  port_.hold = true;
  start();
  RawSocket socket = connect();
  ASSERT_TRUE(socket.send(post("/v1.0/bindings/k", kCreate)));
  socket.shut_down_sending();
  wait_for_held(1);
  on_loop([&] { port_.finish(0, OutputResult{}); });
  EXPECT_EQ(RawMessage::read(socket).status(), 204);
  EXPECT_TRUE(socket.is_closed_by_peer());
}

TEST_F(ServerTest, SaysContinueOnlyWhereItWillRead) {
  start();
  RawSocket socket = connect();
  ASSERT_TRUE(socket.send(
      "POST /v1.0/bindings/k HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
  EXPECT_EQ(socket.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(socket.send("{}"));
  EXPECT_EQ(RawMessage::read(socket).status(), 204);

  RawSocket large = connect();
  ASSERT_TRUE(
      large.send("POST /v1.0/bindings/k HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: "
                 "99999999\r\n\r\n"));
  EXPECT_EQ(RawMessage::read(large).status(), 400);
  EXPECT_EQ(
      ask("POST /v1.0/bindings/k HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 2\r\n\r\n").status(),
      417);
}

TEST_F(ServerTest, TellsAnUnauthorizedCallerBeforeItSendsItsBody) {
  options_.router.api_token = "secret";
  start();
  EXPECT_EQ(
      ask("POST /v1.0/bindings/k HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
          .status(),
      401);
}

TEST_F(ServerTest, DropsTheAnswerToAClientThatLeft) {
  port_.hold = true;
  start();
  {
    RawSocket socket = connect();
    ASSERT_TRUE(socket.send(post("/v1.0/bindings/k", kCreate)));
    wait_for_held(1);
    socket.reset();
  }
  on_loop([&] { port_.finish(0, testing::result_with_body("nobody reads this")); });
  EXPECT_EQ(ask(get("/v1.0/healthz")).status(), 204);
  EXPECT_TRUE(log_.lines().empty());
}

TEST_F(ServerTest, SpreadsConnectionsOverThreads) {
  start(2);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(ask(post("/v1.0/bindings/k", kCreate)).status(), 204);
  EXPECT_EQ(port_.shards, (std::vector<std::uint32_t>{0, 1, 0, 1}));
}

TEST_F(ServerTest, RefusesMoreConnectionsThanItMayHave) {
  options_.max_connections = 2;
  start();
  RawSocket first = connect(), second = connect();
  for (RawSocket* socket : {&first, &second}) {
    ASSERT_TRUE(socket->send(get("/v1.0/healthz")));
    EXPECT_EQ(RawMessage::read(*socket).status(), 204);
  }
  RawSocket third = connect();
  EXPECT_EQ(RawMessage::read(third).status(), 503);
  EXPECT_EQ(log_.count("as many connections as it may have"), 1U);
  ASSERT_TRUE(first.send("GET /v1.0/healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  EXPECT_EQ(RawMessage::read(first).status(), 204);
  EXPECT_TRUE(first.is_closed_by_peer());
  EXPECT_EQ(ask(get("/v1.0/healthz")).status(), 204);
}

TEST_F(ServerTest, SaysWhichPortIsTaken) {
  start();
  options_.port = tcp_port_;
  http::Server other(options_, {&threads_.front()->loop()}, host_, log_);
  const auto port = other.listen();
  ASSERT_FALSE(port);
  EXPECT_NE(port.error().text.find("127.0.0.1:" + std::to_string(tcp_port_)), std::string::npos)
      << port.error().text;
  EXPECT_NE(port.error().text.find("--dapr-http-port"), std::string::npos);
}

TEST_F(ServerTest, SaysWhichAddressDoesNotResolve) {
  threads_.push_back(std::make_unique<testing::LoopThread>());
  options_.addresses = {"bad..name"};
  http::Server other(options_, {&threads_.front()->loop()}, host_, log_);
  const auto port = other.listen();
  ASSERT_FALSE(port);
  EXPECT_NE(port.error().text.find("\"bad..name\""), std::string::npos) << port.error().text;
}

TEST_F(ServerTest, ListensOnSeveralAddressesWithOnePort) {
  options_.addresses = {"127.0.0.1", "127.0.0.2"};
  start();
  EXPECT_EQ(ask(get("/v1.0/healthz")).status(), 204);
}

TEST_F(ServerTest, FinishesWhatRunsBeforeItStops) {
  port_.hold = true;
  start();
  RawSocket busy = connect(), idle = connect();
  ASSERT_TRUE(idle.send(get("/v1.0/healthz")));
  EXPECT_EQ(RawMessage::read(idle).status(), 204);
  ASSERT_TRUE(busy.send(post("/v1.0/bindings/k", kCreate)));
  wait_for_held(1);
  std::promise<void> gone;
  server_->stop([&] { gone.set_value(); });
  EXPECT_TRUE(idle.is_closed_by_peer());
  on_loop([&] { EXPECT_EQ(server_->connections(), 1U); });
  EXPECT_THROW(connect(), std::runtime_error);
  on_loop([&] { port_.finish(0, testing::result_with_body("done")); });
  const RawMessage last = RawMessage::read(busy);
  EXPECT_EQ(last.body, "done");
  EXPECT_EQ(last.header("connection"), "close");
  EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
}

TEST_F(ServerTest, CutsWhatDoesNotEnd) {
  port_.hold = true;
  start();
  RawSocket busy = connect();
  ASSERT_TRUE(busy.send(post("/v1.0/bindings/k", kCreate)));
  wait_for_held(1);
  std::promise<void> gone;
  server_->stop([&] { gone.set_value(); });
  server_->cut();
  EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_TRUE(busy.is_closed_by_peer());
  on_loop([&] { port_.finish(0, testing::result_with_body("nobody reads this")); });
}

}  // namespace
}  // namespace cleat
