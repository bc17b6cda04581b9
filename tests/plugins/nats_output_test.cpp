#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>

#include "nats_binding.hpp"
#include "plugins/dead_port.hpp"
#include "plugins/fake_host.hpp"
#include "plugins/fake_nats.hpp"

namespace cleat::nats {
namespace {

using testing::Completion;
using testing::Driver;
using testing::FakeHost;
using testing::FakeNats;
using testing::Pairs;
using namespace std::chrono_literals;

class NatsOutput : public ::testing::Test {
 protected:
  ~NatsOutput() override {
    if (!HasFailure()) return;
    for (const testing::LogLine& line : host.log())
      std::printf("  %d %s\n", line.level, line.message.c_str());
  }
  void run(Pairs metadata) {
    ASSERT_EQ(driver.create().status, CLEAT_OK);
    const testing::Outcome init = driver.init(metadata, CLEAT_OUT);
    ASSERT_EQ(init.status, CLEAT_OK) << init.text;
    ASSERT_EQ(driver.start().status, CLEAT_OK);
  }
  void serve(FakeNats::Behaviour behaviour = {}, Pairs metadata = {}) {
    server = std::make_unique<FakeNats>(std::move(behaviour));
    metadata.emplace_back("url", server->url());
    run(metadata);
    ASSERT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
  }
  Completion done(const Completion& call, std::chrono::milliseconds limit = 30s) {
    EXPECT_TRUE(host.wait_until(
        [&] {
          host.run_due();
          return host.completion(call).done;
        },
        limit));
    return host.completion(call);
  }

  std::unique_ptr<FakeNats> server;
  FakeHost host{FakeHost::Clock::kSteady};
  const cleat_binding_type type = cleat::type<NatsBinding>("bindings.nats");
  Driver driver{host, type};
};

/// Behind a PUB to a subject with "stored" in it, the answer of a stream.
std::string as_stream(const std::string& line) {
  const std::size_t inbox = line.find("_INBOX.");
  if (line.find("PUB stored") == std::string::npos || inbox == std::string::npos) return {};
  const std::string reply = line.substr(inbox, line.find(' ', inbox) - inbox);
  const std::string body = R"({"stream":"S","seq":9})";
  return "MSG " + reply + " 1 " + std::to_string(body.size()) + "\r\n" + body + "\r\n";
}

TEST_F(NatsOutput, ACallSucceedsWhenTheServerHasTheMessage) {
  serve();
  const Completion result = done(driver.invoke("create", "data", {{"subject", "a.b"}, {"x", "y"}}));
  EXPECT_EQ(result.status, CLEAT_OK) << result.text;
  EXPECT_FALSE(result.has_response && !result.data.empty());
  EXPECT_TRUE(server->has_line("HPUB a.b 18 22"));
  EXPECT_TRUE(server->has_line("x: y"));
}

TEST_F(NatsOutput, AStreamsAnswerIsTheCallsAnswer) {
  FakeNats::Behaviour behaviour;
  behaviour.answer = as_stream;
  serve(behaviour, {{"jetstream", "true"}});
  const Completion result = done(driver.invoke("create", "", {{"subject", "stored"}}));
  EXPECT_EQ(result.status, CLEAT_OK) << result.text;
  EXPECT_EQ(result.metadata, (Pairs{{"stream", "S"}, {"sequence", "9"}, {"duplicate", "false"}}));
}

TEST_F(NatsOutput, LoginIsWrittenSoThatNoLetterOfItBreaksTheProtocol) {
  serve({}, {{"username", "al\"ice"}, {"password", "a\\b\"c"}});
  EXPECT_TRUE(server->has_line(R"("user":"al\"ice","pass":"a\\b\"c")"));
}

TEST_F(NatsOutput, WithoutAServerCallsFailAtOnceAndMayBeRepeated) {
  const testing::DeadPort port;
  run({{"url", port.address()}});
  const Completion first = done(driver.invoke("create", "x", {{"subject", "a"}}));
  EXPECT_EQ(first.status, CLEAT_UNAVAILABLE);
  const Completion& second = driver.invoke("create", "x", {{"subject", "a"}});
  EXPECT_TRUE(second.done);
  EXPECT_NE(second.text.find("NATS cannot be reached"), std::string::npos) << second.text;
  EXPECT_NE(driver.ping(5s).status, CLEAT_OK);
}

TEST_F(NatsOutput, WhatHasNoAnswerEndsInTimeAndSaysThatNobodyKnows) {
  serve({}, {{"jetstream", "true"}});
  const Completion result = done(driver.invoke("create", "x", {{"subject", "a"}}, 3s));
  EXPECT_EQ(result.status, CLEAT_TIMEOUT);
  EXPECT_NE(result.text.find("it may be stored"), std::string::npos) << result.text;
}

TEST_F(NatsOutput, ASilentServerHoldsNoCall) {
  serve();
  server->pong(false);
  const Completion result = done(driver.invoke("create", "x", {{"subject", "a"}}, 400ms));
  EXPECT_EQ(result.status, CLEAT_TIMEOUT);
  server->pong(true);
  EXPECT_EQ(done(driver.invoke("create", "x", {{"subject", "a"}})).status, CLEAT_OK);
}

TEST_F(NatsOutput, AServerThatSaysNothingAnyMoreIsGivenUp) {
  serve({}, {{"pingInterval", "100000000"}});
  server->pong(false);
  ASSERT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_DOWN; }));
  EXPECT_NE(host.health().second.find("does not answer"), std::string::npos) << host.health().second;
  server->pong(true);
  ASSERT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
  // At this interval a busy machine is a silent server, too.
  EXPECT_TRUE(host.wait_until([&] {
    return done(driver.invoke("create", "x", {{"subject", "a"}})).status == CLEAT_OK;
  }));
}

TEST_F(NatsOutput, ALostConnectionSaysWhichCallsWereSent) {
  serve({}, {{"jetstream", "true"}});
  const Completion& sent = driver.invoke("create", "x", {{"subject", "sent"}});
  const Completion& with_id = driver.invoke("create", "x", {{"subject", "again"}, {"msgId", "1"}});
  ASSERT_TRUE(host.wait_until([&] { return server->has_line("PUB again"); }));
  server->cut();
  EXPECT_EQ(done(sent).status, CLEAT_UNAVAILABLE);
  EXPECT_NE(done(sent).text.find("it may be stored"), std::string::npos) << done(sent).text;
  EXPECT_NE(done(with_id).text.find("stored once"), std::string::npos) << done(with_id).text;
  ASSERT_TRUE(
      host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP && server->connections() == 2; }));
}

TEST_F(NatsOutput, ARefusedSubjectFailsTheCall) {
  FakeNats::Behaviour behaviour;
  behaviour.answer = [](const std::string& line) {
    return line.find("PUB secret") == 0 ? "-ERR 'Permissions Violation for Publish to \"secret\"'\r\n"
                                        : std::string();
  };
  serve(behaviour);
  for (int i = 0; i < 20; ++i) {
    const Completion result = done(driver.invoke("create", "x", {{"subject", "secret"}}));
    EXPECT_EQ(result.status, CLEAT_DENIED) << result.text;
    EXPECT_NE(result.text.find("Permissions Violation"), std::string::npos) << result.text;
    EXPECT_EQ(done(driver.invoke("create", "x", {{"subject", "open"}})).status, CLEAT_OK);
  }
}

TEST_F(NatsOutput, WhatIsTooLargeForTheServerIsNotSentToIt) {
  FakeNats::Behaviour behaviour;
  behaviour.info = R"({"server_id":"F","version":"2.9.10","headers":true,"max_payload":100,"proto":1})";
  serve(behaviour);
  EXPECT_EQ(done(driver.invoke("create", std::string(100, 'x'), {{"subject", "a"}})).status, CLEAT_OK);
  const Completion over = done(driver.invoke("create", std::string(90, 'x'), {{"subject", "a"}, {"k", "v"}}));
  EXPECT_EQ(over.status, CLEAT_TOO_LARGE);
  EXPECT_NE(over.text.find("has 108 bytes with its headers, the server takes 100"), std::string::npos)
      << over.text;
  EXPECT_EQ(server->connections(), 1);
}

TEST_F(NatsOutput, BeyondItsBoundCallsFailAtOnce) {
  serve({}, {{"jetstream", "true"}, {"maxPending", "2"}});
  const Completion& first = driver.invoke("create", "x", {{"subject", "a"}});
  driver.invoke("create", "x", {{"subject", "a"}});
  const Completion& third = driver.invoke("create", "x", {{"subject", "a"}});
  EXPECT_TRUE(third.done);
  EXPECT_EQ(third.status, CLEAT_THROTTLED);
  EXPECT_FALSE(host.completion(first).done);
  driver.stop(700ms);
  EXPECT_EQ(host.completion(first).status, CLEAT_CANCELLED);
}

TEST_F(NatsOutput, OnlyWhatIsNotSentCanBeCancelled) {
  FakeNats::Behaviour silent;
  silent.greets = false;
  server = std::make_unique<FakeNats>(silent);
  run({{"url", server->url()}});
  const Completion& call = driver.invoke("create", "x", {{"subject", "a"}});
  driver.cancel(1);
  driver.cancel(99);
  EXPECT_TRUE(call.done);
  EXPECT_EQ(call.status, CLEAT_CANCELLED);
  EXPECT_EQ(call.times, 1U);
}

TEST_F(NatsOutput, AHandshakeThatHangsHoldsNeitherACallNorTheStop) {
  FakeNats::Behaviour behaviour;
  behaviour.info =
      R"({"server_id":"F","version":"2.9.10","headers":true,"max_payload":100,"proto":1,"tls_required":true})";
  server = std::make_unique<FakeNats>(behaviour);
  run({{"url", server->url()}, {"tls", "true"}});
  ASSERT_TRUE(host.wait_until([&] { return server->connections() == 1; }));
  EXPECT_EQ(done(driver.invoke("create", "x", {{"subject", "a"}}, 400ms)).status, CLEAT_TIMEOUT);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(driver.stop(60s).status, CLEAT_OK);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 30s);
}

TEST_F(NatsOutput, AStopCompletesWhatIsOut) {
  FakeNats::Behaviour behaviour;
  behaviour.answer = as_stream;
  serve(behaviour, {{"jetstream", "true"}});
  const Completion& answered = driver.invoke("create", "x", {{"subject", "stored"}});
  const Completion& silent = driver.invoke("create", "x", {{"subject", "silent"}});
  driver.stop(4s);
  EXPECT_EQ(host.completion(answered).status, CLEAT_OK);
  EXPECT_EQ(host.completion(silent).status, CLEAT_CANCELLED);
}

}  // namespace
}  // namespace cleat::nats
