#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <mutex>

#include "dead_port.hpp"
#include "plugins/http_fixture.hpp"

/// A resolver that hangs for names that end in ".hangs", until it is let go.
namespace {

struct Resolver {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_released = false;
  int waiting = 0;
};

Resolver& resolver() {
  static auto* one = new Resolver;  // threads of libcurl may outlive the tests
  return *one;
}

int wait_in_resolver() {
  std::unique_lock lock(resolver().mutex);
  ++resolver().waiting;
  resolver().changed.wait(lock, [] { return resolver().is_released; });
  --resolver().waiting;
  resolver().changed.notify_all();
  return EAI_AGAIN;
}

void release_resolver() {
  std::unique_lock lock(resolver().mutex);
  resolver().is_released = true;
  resolver().changed.notify_all();
  resolver().changed.wait(lock, [] { return resolver().waiting == 0; });
}

}  // namespace

// Takes the place of the system's for libcurl, too. Addresses in numbers are all that the tests use otherwise.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* /*hints*/,
                           addrinfo** found) {
  const std::string_view host = name != nullptr ? name : "";
  if (host.size() > 6 && host.substr(host.size() - 6) == ".hangs") return wait_in_resolver();
  auto* address = static_cast<sockaddr_in*>(std::calloc(1, sizeof(addrinfo) + sizeof(sockaddr_in)));
  auto* info = reinterpret_cast<addrinfo*>(address);
  auto* where = reinterpret_cast<sockaddr_in*>(info + 1);
  where->sin_family = AF_INET;
  where->sin_port = htons(static_cast<std::uint16_t>(service != nullptr ? std::atoi(service) : 0));
  if (::inet_pton(AF_INET, name, &where->sin_addr) != 1) {
    std::free(address);
    return EAI_NONAME;
  }
  info->ai_family = AF_INET;
  info->ai_socktype = SOCK_STREAM;
  info->ai_addr = reinterpret_cast<sockaddr*>(where);
  info->ai_addrlen = sizeof *where;
  *found = info;
  return 0;
}
extern "C" void freeaddrinfo(addrinfo* info) {
  std::free(info);
}

namespace cleat::http {
namespace {

using testing::Completion;
using testing::Pairs;
using namespace std::chrono_literals;

/// Answers the first request of a connection and reads the second, and then hangs up.
void hang_up_on_the_second(testing::ScriptedServer::Connection& connection) {
  read_request(connection);
  connection.write(answer("200 OK", "first"));
  read_request(connection);
}

TEST_F(HttpTest, APostIsNeverSentTwice) {
  serve(hang_up_on_the_second);
  run();
  EXPECT_EQ(call("post", "a").status, CLEAT_OK);
  const Completion second = call("post", "b");
  EXPECT_EQ(second.status, CLEAT_UNAVAILABLE) << second.text;
  EXPECT_FALSE(second.is_retryable());
  EXPECT_NE(second.text.find("may have been carried out"), std::string::npos) << second.text;
  EXPECT_EQ(server->count("POST / "), 2U);
}

TEST_F(HttpTest, AGetIsSentAgainOverAFreshConnection) {
  serve(hang_up_on_the_second);
  run();
  EXPECT_EQ(call("get").status, CLEAT_OK);
  const Completion second = call("get");
  EXPECT_EQ(second.status, CLEAT_OK) << second.text;
  EXPECT_EQ(server->count("GET / "), 3U);
  EXPECT_EQ(server->connections(), 2U);
}

TEST_F(HttpTest, AConnectionIsUsedAgain) {
  answer_all([](const Asked&) { return answer("200 OK", "x"); });
  run();
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(call("post", "x").status, CLEAT_OK);
  EXPECT_EQ(server->connections(), 1U);
}

TEST_F(HttpTest, ARequestCarriesNothingOfTheOneBefore) {
  answer_all([](const Asked& asked) {
    const std::string said = asked.line.substr(0, asked.line.find(' ')) + "+" + asked.body +
                             (asked.head.find("X-Of-The-Call") != std::string::npos ? "+X" : "") +
                             (asked.head.find("Content-Length") != std::string::npos ? "+length" : "");
    return asked.line[0] == 'H' ? answer("200 OK", "", "X-Said: " + said + "\r\n") : answer("200 OK", said);
  });
  run();
  EXPECT_EQ(call("post", "body", {{"X-Of-The-Call", "1"}}).data, "POST+body+X+length");
  EXPECT_EQ(call("get").data, "GET+");
  const Completion head = call("head");
  EXPECT_EQ(head.data, "");
  EXPECT_EQ(head.header("X-Said"), "HEAD+");
  EXPECT_EQ(call("put", "again").data, "PUT+again+length");
  EXPECT_EQ(call("head").status, CLEAT_OK);
  EXPECT_EQ(call("get").data, "GET+");
  EXPECT_EQ(server->connections(), 1U);
}

TEST_F(HttpTest, AfterATimeoutNoConnectionOfBeforeIsUsed) {
  serve([this](Connection& connection) {
    while (const Asked asked = read_request(connection)) {
      if (asked.line.find("/pair") != std::string::npos) server->wait_for("/pair", 2);
      if (asked.line.find("/silent") != std::string::npos) return (void)connection.read_all();
      connection.write(answer("200 OK", "x"));
    }
  });
  run();
  // Two at a time: two connections that are kept.
  const Completion& one = driver.invoke("get", "", {{"path", "pair"}});
  const Completion& other = driver.invoke("get", "", {{"path", "pair"}});
  EXPECT_EQ(done(one).status, CLEAT_OK);
  EXPECT_EQ(done(other).status, CLEAT_OK);
  ASSERT_EQ(server->connections(), 2U);
  const Completion late = call("post", "x", {{"path", "silent"}}, 3s);
  EXPECT_EQ(late.status, CLEAT_TIMEOUT);
  EXPECT_FALSE(late.is_retryable());
  EXPECT_EQ(call("get", "", {{"path", "after"}}).status, CLEAT_OK);
  EXPECT_EQ(server->count("3 GET /after"), 1U) << server->connections();
}

TEST_F(HttpTest, AResolverThatHangsHoldsNothingUp) {
  answer_all([](const Asked& asked) {
    return asked.line.find("/away") != std::string::npos
               ? answer("302 Found", "", "Location: http://nobody.hangs/\r\n")
               : answer("200 OK", "here");
  });
  run();
  const auto begin = std::chrono::steady_clock::now();
  const Completion& away = driver.invoke("get", "", {{"path", "away"}}, 3s);
  const Completion& forgotten = driver.invoke("get", "", {{"path", "away"}}, 60s);
  ASSERT_TRUE(host.wait_until([] {
    const std::lock_guard lock(resolver().mutex);
    return resolver().waiting == 2;
  }));
  EXPECT_EQ(call("get").data, "here");
  const Completion late = done(away);
  EXPECT_EQ(late.status, CLEAT_TIMEOUT);
  EXPECT_NE(late.text.find("no connection"), std::string::npos) << late.text;
  EXPECT_TRUE(late.is_retryable());
  EXPECT_EQ(driver.stop().status, CLEAT_OK);
  EXPECT_EQ(host.completion(forgotten).status, CLEAT_CANCELLED);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
  release_resolver();
}

TEST_F(HttpTest, ACancelledCallIsCompletedAndItsConnectionCut) {
  serve([](Connection& connection) {
    read_request(connection);
    connection.note("ended: " + std::to_string(connection.read_all().size()));
  });
  run();
  const Completion& open = driver.invoke("post", "x", {}, 60s);
  ASSERT_TRUE(host.wait_until([&] { return server->count("POST") == 1; }));
  driver.cancel(1);
  driver.cancel(99);
  EXPECT_EQ(done(open).status, CLEAT_CANCELLED);
  EXPECT_TRUE(host.wait_until([&] { return server->count("ended") == 1; }));
}

TEST_F(HttpTest, ACallThatComesTooLateIsCompleted) {
  answer_all([](const Asked&) { return answer("200 OK", ""); });
  run();
  driver.stop();
  const Completion& late = driver.invoke("get");
  EXPECT_EQ(host.completion(late).status, CLEAT_CANCELLED);
  EXPECT_EQ(host.completion(late).times, 1U);
}

TEST_F(HttpTest, ManyCallsShareTheConnectionsThatTheyMay) {
  answer_all([](const Asked& asked) { return answer("200 OK", asked.body); });
  run({{"maxConnections", "4"}});
  std::vector<const Completion*> calls;
  const std::string body(10'000, 'x');
  for (int i = 0; i < 100; ++i)
    calls.push_back(&driver.invoke("post", body + std::to_string(i)));
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(done(*calls[static_cast<std::size_t>(i)]).data, body + std::to_string(i));
  EXPECT_LE(server->connections(), 4U);
}

TEST_F(HttpTest, ACutAnswerIsAnErrorThatSaysWhatIsKnown) {
  serve([](Connection& connection) {
    read_request(connection);
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
  });
  run();
  const Completion post = call("post", "x");
  EXPECT_EQ(post.status, CLEAT_UNAVAILABLE);
  EXPECT_FALSE(post.is_retryable() || post.has_response);
  EXPECT_TRUE(call("get").is_retryable());
}

TEST_F(HttpTest, AnAnswerThatEndsInItsHeadersIsNone) {
  for (const char* half : {"HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nX-One: 1\r\n",
                           "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"}) {
    serve([half](Connection& connection) {
      read_request(connection);
      connection.write(half);
    });
    run();
    const Completion post = call("post", "x");
    EXPECT_EQ(post.status, CLEAT_UNAVAILABLE) << half;
    EXPECT_FALSE(post.is_retryable() || post.has_response) << half;
    EXPECT_NE(post.text.find("headers of the answer"), std::string::npos) << post.text;
    EXPECT_TRUE(call("get").is_retryable()) << half;
    driver.stop();
    driver.close();
  }
}

TEST_F(HttpTest, ARedirectToAnotherServerGoesWithoutSecrets) {
  testing::ScriptedServer other([](Connection& connection) {
    while (read_request(connection))
      connection.write(answer("200 OK", "there"));
  });
  answer_all([&](const Asked& asked) {
    const bool is_near = asked.line.find("/near") != std::string::npos;
    return answer("307 Elsewhere", "not this",
                  "Location: " + (is_near ? std::string("/far") : other.url() + "/end") + "\r\n");
  });
  run({{"securityToken", "s3cret"}, {"securityTokenHeader", "X-Token"}});
  const Completion result =
      call("post", "body",
           {{"path", "near"}, {"Authorization", "Bearer s3cret"}, {"Cookie", "s3cret"}, {"X-Kept", "1"}});
  EXPECT_EQ(result.data, "there") << result.text;
  EXPECT_NE(server->notes().at(1).find("X-Token: s3cret"), std::string::npos);
  EXPECT_NE(server->notes().at(1).find("Bearer s3cret"), std::string::npos);
  const std::string far = other.notes().at(0);
  EXPECT_EQ(far.find("s3cret"), std::string::npos) << far;
  EXPECT_NE(far.find("X-Kept: 1"), std::string::npos);
  EXPECT_NE(far.find("\r\n\r\nbody"), std::string::npos);
}

TEST_F(HttpTest, AfterSeeOtherItIsAGetWithoutABody) {
  answer_all([](const Asked& asked) {
    return asked.line.find("/end") != std::string::npos ? answer("200 OK", asked.line)
                                                        : answer("303 See Other", "", "Location: end\r\n");
  });
  run();
  EXPECT_EQ(call("put", "body", {{"path", "a/b"}}).data, "GET /a/end HTTP/1.1");
  EXPECT_EQ(server->notes().at(1).find("Content-"), std::string::npos) << server->notes().at(1);
}

TEST_F(HttpTest, WhatARedirectLeadsToDoesNotUndoThePost) {
  const testing::DeadPort nobody;
  answer_all([&](const Asked& asked) {
    if (asked.line.find("/busy") != std::string::npos) return answer("503 Busy", "");
    const bool is_away = asked.line.find("/away") != std::string::npos;
    return answer("303 See Other", "",
                  "Location: " + (is_away ? "http://" + nobody.address() + "/" : "busy") + "\r\n");
  });
  run();
  const Completion away = call("post", "body", {{"path", "away"}});
  EXPECT_FALSE(away.is_retryable());
  EXPECT_NE(away.text.find("may have been carried out"), std::string::npos) << away.text;
  EXPECT_FALSE(call("post", "body", {{"path", "x"}}).is_retryable())
      << "the 503 is of the GET that came after it";
  EXPECT_TRUE(call("put", "body", {{"path", "x"}}).is_retryable());
}

TEST_F(HttpTest, RedirectsWithoutEndAreAnError) {
  answer_all([](const Asked&) { return answer("302 Found", "", "Location: /again\r\n"); });
  run();
  const Completion result = call("get");
  EXPECT_EQ(result.status, CLEAT_REMOTE);
  EXPECT_NE(result.text.find("stopped after 10 redirects"), std::string::npos) << result.text;
  EXPECT_EQ(server->notes().size(), 11U);
}

}  // namespace
}  // namespace cleat::http
