#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server_fixture.hpp"

namespace cleat {
namespace {

using testing::RawMessage;
using testing::RawSocket;
using testing::ServerTest;

class HostileTest : public ServerTest {
 protected:
  /// The request is refused with this status, the connection is closed, and nothing behind it is taken for a
  /// request.
  void expect_refused(const std::string& request, int status = 400) {
    RawSocket socket = connect();
    ASSERT_TRUE(socket.send(request + get("/v1.0/healthz")));
    socket.shut_down_sending();
    const std::string all = socket.read_all();
    EXPECT_TRUE(all.starts_with("HTTP/1.1 " + std::to_string(status))) << request << "\n" << all;
    EXPECT_EQ(all.find("HTTP/1.1 ", 1), std::string::npos) << request << "\n" << all;
    EXPECT_FALSE(socket.timed_out()) << request;
  }
};

TEST_F(HostileTest, RefusesWhatTwoReadersCouldFrameDifferently) {
  start();
  const std::string line = "POST /v1.0/bindings/k HTTP/1.1\r\nHost: h\r\n";
  for (const std::string& headers :
       std::vector<std::string>{"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
                                "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
                                "Content-Length: 2\r\nContent-Length: 2\r\n",
                                "Content-Length: 2\r\nContent-Length: 3\r\n",
                                "Content-Length: 2, 2\r\n",
                                "Content-Length: +2\r\n",
                                "Content-Length: -2\r\n",
                                "Content-Length: 0x2\r\n",
                                "Content-Length:\r\n",
                                "Content-Length: 99999999999999999999999\r\n",
                                "Content-Length : 2\r\n",
                                "Transfer-Encoding: xchunked\r\n",
                                "Transfer-Encoding: identity\r\n",
                                "Transfer-Encoding: gzip, chunked\r\n",
                                "Transfer-Encoding: chunked, identity\r\n",
                                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                                "Transfer-Encoding:\x0b"
                                "chunked\r\n",
                                "X: a\r\n folded\r\nContent-Length: 2\r\n",
                                "X:\r\n\tfolded\r\nContent-Length: 2\r\n",
                                "X: a\nY: b\r\n",
                                "X: a\rb\r\n",
                                std::string("X: a\0b\r\n", 8),
                                "X: a\x7f\r\n",
                                " X: a\r\n",
                                "X y: a\r\n",
                                "no colon\r\n",
                                ": empty name\r\n",
                                "Host: other\r\n"}) {
    expect_refused(line + headers + "\r\n{}");
  }
  expect_refused("POST /v1.0/bindings/k HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
  EXPECT_TRUE(port_.requests.empty());
}

TEST_F(HostileTest, RefusesBrokenRequestLines) {
  start();
  for (const char* line : {"GET  / HTTP/1.1", "GET / HTTP/1.1 x", "GET /", "/ HTTP/1.1", "GET\t/ HTTP/1.1",
                           "G@T / HTTP/1.1", "GET /a b HTTP/1.1", " GET / HTTP/1.1"}) {
    RawSocket socket = connect();
    ASSERT_TRUE(socket.send(std::string(line) + "\r\nHost: h\r\n\r\n"));
    socket.shut_down_sending();
    const int status = RawMessage::read(socket).status();
    EXPECT_TRUE(status == 400 || status == 505) << line << ": " << status;
  }
  expect_refused("GET / HTTP/1.1\r\n\r\n");  // no Host
  expect_refused("\x16\x03\x01\x02\x01\x01\r\n\r\n");
}

TEST_F(HostileTest, RefusesBrokenChunks) {
  start();
  const std::string head = "POST /v1.0/bindings/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char* chunks :
       {"x\r\n{}\r\n0\r\n\r\n", "\r\n{}\r\n0\r\n\r\n", "-1\r\n{}\r\n0\r\n\r\n", "2\r\n{}0\r\n\r\n",
        "2\n{}\r\n0\r\n\r\n", "fffffffffffffffff\r\n{}\r\n0\r\n\r\n", "2 2\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n", "2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n"}) {
    expect_refused(head + chunks);
  }
  const std::string endless = head + "2;" + std::string(100'000, 'x') + "\r\n{}\r\n0\r\n\r\n";
  expect_refused(endless);
  EXPECT_NE(ask(endless).body.find("too long"), std::string::npos);
}

TEST_F(HostileTest, DoesNotTakeTrailersForHeaders) {
  options_.router.api_token = "secret";
  start();
  expect_refused(
      "POST /v1.0/bindings/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
      "dapr-api-token: secret\r\n\r\n",
      401);
}

TEST_F(HostileTest, TellsHttp2ClientsThatItIsNotSpoken) {
  start();
  expect_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
}

TEST_F(HostileTest, BoundsHeaders) {
  start();
  expect_refused("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(9000, 'x') + "\r\n\r\n", 431);
  expect_refused("GET /" + std::string(9000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", 431);
  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 2000; ++i)
    many += "A: b\r\n";
  expect_refused(many + "\r\n", 431);
  RawSocket endless = connect();
  ASSERT_TRUE(endless.send("GET / HTTP/1.1\r\n"));
  while (endless.send("A: " + std::string(500, 'x') + "\r\n")) {
  }
}

TEST_F(HostileTest, BoundsBodies) {
  start();
  const std::size_t limit = options_.limits.message.body_bytes;
  const std::string large(limit + 1, ' ');
  const std::string text =
      R"({"errorCode":"ERR_MALFORMED_REQUEST","message":"failed deserializing HTTP body: stream too large"})";
  RawSocket announced = connect();
  ASSERT_TRUE(announced.send(post("/v1.0/bindings/k", large)));
  const RawMessage refused = RawMessage::read(announced);
  EXPECT_EQ(refused.status(), 400);
  EXPECT_EQ(refused.body, text);
  EXPECT_EQ(refused.header("connection"), "close");

  RawSocket chunked = connect();
  ASSERT_TRUE(
      chunked.send("POST /v1.0/bindings/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n8000\r\n" +
                   std::string(0x8000, ' ') + "\r\n8001\r\n" + std::string(0x8001, ' ') + "\r\n0\r\n\r\n"));
  EXPECT_EQ(RawMessage::read(chunked).body, text);

  std::string exact = R"({"operation":"create","data":")";
  exact += std::string(limit - exact.size() - 2, 'x') + "\"}";
  EXPECT_EQ(ask(post("/v1.0/bindings/k", exact)).status(), 204);
}

TEST_F(HostileTest, CutsASlowHeader) {
  options_.limits.header_ns = 2 * kSecond;  // the first bytes come within it, also on a busy machine
  start();
  RawSocket socket = connect();
  ASSERT_TRUE(socket.send("GET / HT"));
  EXPECT_EQ(RawMessage::read(socket).status(), 408);
  RawSocket silent = connect();
  EXPECT_TRUE(silent.is_closed_by_peer());
}

TEST_F(HostileTest, CutsASlowHeaderThatKeepsComing) {
  options_.limits.header_ns = 2 * kSecond;
  start();
  RawSocket socket = connect();
  ASSERT_TRUE(socket.send("GET / HTTP/1.1\r\nX: "));
  // Ends by the server's limit alone; the header's own bound is far away at this pace.
  const timeval brief{0, 1000};
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof brief);
  std::string answer;
  for (int sent = 0; answer.empty() && sent < 5000; ++sent) {
    socket.send("x");
    answer = socket.read_until("\r\n\r\n");
  }
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 408")) << answer;
}

TEST_F(HostileTest, CutsASlowBodyAndAnIdleConnection) {
  options_.limits.stall_ns = 50 * kMillisecond;
  options_.limits.idle_ns = 50 * kMillisecond;
  start();
  RawSocket slow = connect();
  ASSERT_TRUE(slow.send("POST /v1.0/bindings/k HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n{"));
  EXPECT_EQ(RawMessage::read(slow).status(), 408);
  RawSocket idle = connect();
  ASSERT_TRUE(idle.send(get("/v1.0/healthz")));
  EXPECT_EQ(RawMessage::read(idle).status(), 204);
  EXPECT_TRUE(idle.is_closed_by_peer());
}

TEST_F(HostileTest, CutsAClientThatDoesNotTakeItsAnswer) {
  options_.limits.stall_ns = 50 * kMillisecond;
  const std::string large(32 << 20, 'x');
  port_.make_result = [&](const OutputRequest&) { return testing::result_with_body(large); };
  start();
  RawSocket socket = connect();
  ASSERT_TRUE(socket.send(post("/v1.0/bindings/k", kCreate)));
  std::size_t asked = 0;
  while (asked == 0)
    on_loop([&] { asked = port_.requests.size(); });
  while (server_->connections() != 0)
    std::this_thread::yield();
  EXPECT_LT(socket.read_all().size(), large.size());
}

TEST_F(HostileTest, SaysNothingOfResets) {
  start();
  for (int i = 0; i < 20; ++i) {
    RawSocket socket = connect();
    ASSERT_TRUE(socket.send(i % 2 == 0 ? "GET / HTTP" : get("/v1.0/healthz") + "x"));
    socket.reset();
  }
  EXPECT_EQ(ask(get("/v1.0/healthz")).status(), 204);
  EXPECT_TRUE(log_.lines().empty());
}

}  // namespace
}  // namespace cleat
