#include "app_channel_fixture.hpp"

namespace cleat::testing {
namespace {

TEST_F(AppChannelTest, PostsAnEventAsItIs) {
  options_.api_token = "secret";
  channel_options_.route = "/a//b/?q=1";
  start();
  const std::string data("\0\r\n\r\nbytes", 10);
  Event& event = post({.data = data, .metadata = {{"foo", "bar"}, {"content-length", "3"}}});
  RawSocket socket = application_.accept();
  const RawMessage request = RawMessage::read(socket);
  EXPECT_TRUE(request.head.starts_with(
      "POST /a/b?q=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(application_.port()) + "\r\n"))
      << request.head;
  EXPECT_EQ(request.header("content-length"), std::to_string(data.size()));
  EXPECT_EQ(request.header("dapr-api-token"), "secret");
  EXPECT_EQ(request.header("user-agent"), "cleat/1");
  EXPECT_EQ(request.header("foo"), "bar");
  EXPECT_EQ(request.header("accept-encoding"), "-");
  EXPECT_EQ(request.body, data);
  socket.send(
      "HTTP/1.1 503 Busy\r\nContent-Type: text/plain\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy");
  const Kept kept = answer(0);
  EXPECT_EQ(kept.outcome, Outcome::answered);
  EXPECT_EQ(kept.status, 503U);
  EXPECT_EQ(kept.body, "busy");
  EXPECT_EQ(kept.content_type, "text/plain");
  EXPECT_EQ(kept.retry_after, "7");
  EXPECT_EQ(answered_events_.at(0), &event);
}

TEST_F(AppChannelTest, UsesOneConnectionAgainAlsoFromInsideAnAnswer) {
  start();
  EventPtr next = make_event({.data = "second"});
  and_then_ = next.get();
  post();
  RawSocket socket = application_.accept();
  RawMessage::read(socket);
  socket.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst");
  EXPECT_EQ(RawMessage::read(socket).body, "second");
  EXPECT_EQ(answer(0).body, "first");
  socket.send(kOk);
  EXPECT_EQ(answer(1).body, "");
  EXPECT_FALSE(application_.has_connection());
}

TEST_F(AppChannelTest, KnowsWhatIsWithTheApplication) {
  options_.max_concurrency = 2;
  start();
  const auto is_sent = [this](Event& event) {
    bool sent = false;
    loop_.run([&] { sent = channel_->is_sent(event); });
    return sent;
  };
  Event& first = post();
  Event& large = post({.data = std::string(64 << 20, 'x')});
  Event& waits = post();
  RawSocket socket = application_.accept();
  RawMessage::read(socket);
  EXPECT_TRUE(is_sent(first));
  EXPECT_FALSE(is_sent(large)) << "nobody reads the rest of it";
  EXPECT_FALSE(is_sent(waits));
  socket.send(kOk);
  answer(0);
  EXPECT_FALSE(is_sent(first)) << "it is answered";
}

TEST_F(AppChannelTest, ReadsEveryKindOfResponse) {
  start();
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n",
       "200 abcde"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 "
       "Created\r\nContent-Length: 1\r\n\r\nx",
       "201 x"},
      {"HTTP/1.1 204 No Content\r\n\r\n", "204 "},
      {"HTTP/1.1 302 Found\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n", "302 "},
      {"HTTP/1.0 200 OK\r\n\r\nuntil the end", "200 until the end"},
  };
  std::size_t index = 0;
  std::optional<RawSocket> socket;
  for (const auto& [response, expected] : cases) {
    post();
    if (!socket) socket = application_.accept();
    RawMessage::read(*socket);
    for (const char c : response)
      socket->send({&c, 1});
    if (response.starts_with("HTTP/1.0")) socket.reset();
    const Kept kept = answer(index++);
    EXPECT_EQ(kept.outcome, Outcome::answered) << kept.error;
    EXPECT_EQ(std::to_string(kept.status) + " " + kept.body, expected);
  }
}

TEST_F(AppChannelTest, DoesNotUseAConnectionThatTheApplicationClosed) {
  start();
  post();
  {
    RawSocket socket = application_.accept();
    RawMessage::read(socket);
    socket.send(kOk);
    answer(0);
  }
  post();
  RawSocket fresh = application_.accept();
  RawMessage::read(fresh);
  fresh.send(kOk);
  EXPECT_EQ(answer(1).status, 200U);
}

// Of an application that ends idle connections by a clock, or after so many requests.
TEST_F(AppChannelTest, AsksOnceMoreWhenAKeptConnectionEndsAsItIsUsed) {
  start();
  post({.data = "first"});
  RawSocket socket = application_.accept();
  RawMessage::read(socket);
  socket.send(kOk);
  answer(0);
  post({.data = "second"});
  EXPECT_EQ(RawMessage::read(socket).body, "second");
  socket.reset();
  RawSocket fresh = application_.accept();
  EXPECT_EQ(RawMessage::read(fresh).body, "second");
  fresh.send(kOk);
  EXPECT_EQ(answer(1).outcome, Outcome::answered);

  post({.data = "third"});
  EXPECT_EQ(RawMessage::read(fresh).body, "third");
  fresh.reset();
  RawSocket last = application_.accept();
  EXPECT_EQ(RawMessage::read(last).body, "third");
  last.reset();
  EXPECT_EQ(answer(2).outcome, Outcome::unreachable);
}

TEST_F(AppChannelTest, DoesNotUseAConnectionWithUnaskedBytes) {
  start();
  post();
  RawSocket socket = application_.accept();
  RawMessage::read(socket);
  socket.send(std::string(kOk) + "HTTP/1.1 200 OK\r\n");
  answer(0);
  post();
  RawSocket fresh = application_.accept();
  RawMessage::read(fresh);
  fresh.send(kOk);
  EXPECT_EQ(answer(1).status, 200U);
  EXPECT_TRUE(socket.is_closed_by_peer());
}

TEST_F(AppChannelTest, PostsABatch) {
  options_.api_token = "secret";
  start();
  Batch& batch = post_batch(
      {{.data = "{\"a\":1}", .source_id = "x", .metadata = {{"foo", "bar"}}}, {.data = "b", .id = 2}});
  RawSocket socket = application_.accept();
  const RawMessage request = RawMessage::read(socket);
  EXPECT_TRUE(request.head.starts_with("POST /orders HTTP/1.1\r\n")) << request.head;
  EXPECT_EQ(request.header("content-type"), "application/json");
  EXPECT_EQ(request.header("cleat-batch-size"), "2");
  EXPECT_EQ(request.header("user-agent"), "cleat/1");
  EXPECT_EQ(request.header("dapr-api-token"), "secret");
  EXPECT_EQ(request.header("foo"), "-");
  EXPECT_TRUE(request.body.starts_with(R"([{"entryId":"x","data":{"a":1},)")) << request.body;
  const std::string said = R"({"statuses":[{"entryId":"#2","status":"DROP"}]})";
  socket.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(said.size()) + "\r\n\r\n" + said);
  EXPECT_EQ(answer(0).status, 200U);
  EXPECT_EQ(answered_batch_, &batch);
  EXPECT_EQ(verdicts_, (std::vector<std::optional<Verdict>>{std::nullopt, Verdict::drop}));
  post_batch({{.data = "c", .source_id = "x"}});
  RawMessage::read(socket);
  socket.send("HTTP/1.1 500 X\r\nContent-Length: " + std::to_string(said.size()) + "\r\n\r\n" + said);
  EXPECT_EQ(answer(1).status, 500U);
  EXPECT_TRUE(verdicts_.empty());
  post({.data = "single"});
  EXPECT_EQ(RawMessage::read(socket).body, "single");
  socket.send(kOk);
  answer(2);
}

TEST_F(AppChannelTest, TakesBackAndCutsABatch) {
  options_.max_connections = 1;
  start();
  Batch& running = post_batch({{.data = "a"}});
  Batch& waiting = post_batch({{.data = "b"}});
  Batch& other = post_batch({{.data = "c"}});
  RawSocket socket = application_.accept();
  RawMessage::read(socket);
  loop_.run([&] {
    EXPECT_FALSE(channel_->recall(running));
    EXPECT_TRUE(channel_->recall(waiting));
    EXPECT_FALSE(channel_->recall(waiting));
    channel_->abort(other);
    channel_->abort(running);
  });
  EXPECT_EQ(answer(0).outcome, Outcome::cancelled);
  EXPECT_EQ(answer(1).outcome, Outcome::cancelled);
  EXPECT_TRUE(socket.is_closed_by_peer());
}

TEST_F(AppChannelTest, SendsALargeEventInPieces) {
  start();
  std::string data(16 << 20, '\0');
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = static_cast<char>(i % 251);  // so that a piece from another place shows
  post({.data = data});
  RawSocket socket = application_.accept();
  EXPECT_TRUE(RawMessage::read(socket).body == data);
  socket.send(kOk);
  EXPECT_EQ(answer(0).status, 200U);
}

TEST_F(AppChannelTest, HasPatienceWithAnApplicationThatReadsALargeEventLate) {
  options_.connection.vanished_ns = 200 * kMillisecond;
  start();
  const std::string large(16 << 20, 'x');
  post({.data = large});
  RawSocket socket = application_.accept();
  {
    std::unique_lock lock(mutex_);
    EXPECT_FALSE(came_.wait_for(lock, std::chrono::seconds(2), [&] { return !answers_.empty(); }));
  }
  EXPECT_EQ(RawMessage::read(socket).body.size(), large.size());
  socket.send(kOk);
  EXPECT_EQ(answer(0).outcome, Outcome::answered);
}

TEST_F(AppChannelTest, BoundsWhatItReadsForNothing) {
  start();
  post();
  RawSocket socket = application_.accept();
  RawMessage::read(socket);
  socket.send("HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n");
  EXPECT_EQ(answer(0).outcome, Outcome::broken);
}

TEST_F(AppChannelTest, BoundsTheResponse) {
  options_.connection.response = {1024, 1000};
  channel_options_.reads_answers = true;
  start();
  post();
  RawSocket socket = application_.accept();
  RawMessage::read(socket);
  socket.send("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_EQ(answer(0).outcome, Outcome::broken);
  post();
  RawSocket other = application_.accept();
  RawMessage::read(other);
  other.send("HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'x'));
  EXPECT_EQ(answer(1).outcome, Outcome::broken);
  post();
  RawSocket third = application_.accept();
  RawMessage::read(third);
  third.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(2000, 'x'));
  EXPECT_NE(answer(2).error.find("too long"), std::string::npos) << answer(2).error;
}

TEST_F(AppChannelTest, CutsAnAttempt) {
  options_.max_connections = 1;
  start();
  Event& running = post();
  Event& waiting = post();
  RawSocket socket = application_.accept();
  RawMessage::read(socket);
  loop_.run([&] {
    channel_->abort(waiting);
    channel_->abort(running);
    channel_->abort(running);
    EXPECT_EQ(given_, 0U);
  });
  EXPECT_EQ(answer(0).outcome, Outcome::cancelled);
  EXPECT_EQ(answer(1).outcome, Outcome::cancelled);
  EXPECT_TRUE(socket.is_closed_by_peer());
  loop_.run([&] { EXPECT_EQ(given_, 2U); });
}

TEST_F(AppChannelTest, RunsNoMoreAtATimeThanAllowedAndInOrder) {
  options_.max_concurrency = 1;
  start();
  for (int i = 0; i < 5; ++i)
    post({.data = std::to_string(i)});
  RawSocket socket = application_.accept();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(RawMessage::read(socket).body, std::to_string(i));
    EXPECT_FALSE(application_.has_connection());
    socket.send(kOk);
  }
  answer(4);
}

TEST_F(AppChannelTest, KeepsNoMoreIdleConnectionsThanAllowed) {
  options_.max_idle = 1;
  start();
  post();
  post();
  RawSocket first = application_.accept(), second = application_.accept();
  for (RawSocket* socket : {&first, &second}) {
    RawMessage::read(*socket);
    socket->send(kOk);
  }
  answer(1);
  loop_.run([&] { EXPECT_EQ(connections_->idle_count(), 1U); });
}

TEST_F(AppChannelTest, AsksWithOptions) {
  options_.api_token = "secret";
  start();
  const Kept kept = probe(3 * kSecond, [&] {
    RawSocket socket = application_.accept();
    const RawMessage request = RawMessage::read(socket);
    EXPECT_TRUE(request.head.starts_with("OPTIONS /orders HTTP/1.1\r\n")) << request.head;
    EXPECT_EQ(request.header("content-type"), "application/json");
    EXPECT_EQ(request.header("dapr-api-token"), "secret");
    EXPECT_EQ(request.header("content-length"), "-");
    socket.send("HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n");
  });
  EXPECT_EQ(kept.status, 405U);
}

TEST_F(AppChannelTest, DoesNotWaitForEver) {
  channel_options_.handler_timeout_ns = 20 * kMillisecond;
  start();
  EXPECT_EQ(probe(20 * kMillisecond, [] {}).outcome, Outcome::timed_out);
  post();
  EXPECT_EQ(answer(0).outcome, Outcome::timed_out);
}

TEST_F(AppChannelTest, FindsAnApplicationByName) {
  options_.address = "localhost";
  start();
  post();
  RawSocket socket = application_.accept();
  EXPECT_EQ(RawMessage::read(socket).header("host"), "localhost:" + std::to_string(application_.port()));
  socket.send(kOk);
  EXPECT_EQ(answer(0).status, 200U);
}

TEST_F(AppChannelTest, SaysWhichNameDoesNotResolve) {
  options_.address = "bad..name";
  start();
  post();
  const Kept kept = answer(0);
  EXPECT_EQ(kept.outcome, Outcome::unreachable);
  EXPECT_NE(kept.error.find("\"bad..name\" does not resolve"), std::string::npos) << kept.error;
}

}  // namespace
}  // namespace cleat::testing
