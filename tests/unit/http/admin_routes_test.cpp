#include <gtest/gtest.h>

#include <string>

#include "base/json.hpp"
#include "server_fixture.hpp"

namespace cleat {
namespace {

using testing::RawMessage;
using testing::RawSocket;
using testing::ServerTest;

class AdminRoutesTest : public ServerTest {
 protected:
  AdminRoutesTest() {
    ComponentView view;
    view.name = "a b+c/d";
    view.type = "bindings.kafka";
    view.capabilities = {"INPUT_BINDING"};
    view.state = "running";
    host_.views = {view};
    HeldEvent event;
    event.id = "topic/3@42";
    host_.events = HeldEvents{{event}, 7};
  }
  std::vector<std::string> asked() {
    std::vector<std::string> all;
    on_loop([&] { all = std::exchange(host_.asked, {}); });
    return all;
  }
  static void expect_error(const RawMessage& message, int status, const std::string& code) {
    EXPECT_EQ(message.status(), status) << message.body;
    EXPECT_EQ(message.header("content-type"), "application/json");
    const auto parsed = json::parse(message.body);
    ASSERT_TRUE(parsed) << message.body;
    EXPECT_EQ(parsed->find("errorCode")->text, code);
    EXPECT_FALSE(parsed->find("message")->text.empty());
  }
};

TEST_F(AdminRoutesTest, ShowsComponents) {
  start();
  const RawMessage list = ask(get("/cleat/v1/components"));
  EXPECT_EQ(list.status(), 200);
  EXPECT_EQ(list.header("content-type"), "application/json");
  const auto parsed = json::parse(list.body);
  ASSERT_TRUE(parsed) << list.body;
  EXPECT_EQ(parsed->find("components")->items.at(0).find("name")->text, "a b+c/d");
  const RawMessage one = ask(get("/cleat/v1/components/a%20b+c%2fd"));
  EXPECT_EQ(one.status(), 200);
  EXPECT_EQ(json::parse(one.body)->find("type")->text, "bindings.kafka");
  expect_error(ask(get("/cleat/v1/components/x")), 404, "ERR_NOT_FOUND");
  EXPECT_EQ(ask(get("/cleat/v1/components/%zz")).status(), 400);
}

TEST_F(AdminRoutesTest, ListsHeldEvents) {
  start();
  const RawMessage list = ask(get("/cleat/v1/components/in/events"));
  EXPECT_EQ(list.status(), 200);
  const auto parsed = json::parse(list.body);
  ASSERT_TRUE(parsed) << list.body;
  EXPECT_EQ(parsed->find("total")->text, "7");
  EXPECT_EQ(parsed->find("events")->items.at(0).find("id")->text, "topic/3@42");
  EXPECT_EQ(ask(get("/cleat/v1/components/in/events?x=1&limit=1")).status(), 200);
  EXPECT_EQ(ask(get("/cleat/v1/components/in/events/?limit=1000")).status(), 200);
  EXPECT_EQ(asked(), (std::vector<std::string>{"events in 100", "events in 1", "events in 1000"}));
  for (const char* bad : {"0", "1001", "-1", "x", "", "1.5", "1e2", "99999999999999999999", "%31", "\"<"}) {
    expect_error(ask(get("/cleat/v1/components/in/events?limit=" + std::string(bad))), 400,
                 "ERR_MALFORMED_REQUEST");
  }
  expect_error(ask(get("/cleat/v1/components/in/events?limit")), 400, "ERR_MALFORMED_REQUEST");
  EXPECT_TRUE(asked().empty());
  on_loop([&] { host_.events.reset(); });
  expect_error(ask(get("/cleat/v1/components/out/events")), 404, "ERR_NOT_FOUND");
}

TEST_F(AdminRoutesTest, DecidesAboutEventsWhateverTheirIdsAre) {
  start();
  const std::pair<const char*, const char*> cases[] = {
      {"7/retry", "retry in 7"},
      {"7/dead-letter", "dead-letter in 7"},
      {"7/drop", "drop in 7"},
      {"topic%2F3%4042/drop", "drop in topic/3@42"},
      {"topic/3@42/drop", "drop in topic/3@42"},
      {"a/retry/drop", "drop in a/retry"},
      {"events/events/drop", "drop in events/events"},
      {"a%2Fretry/retry/?x=1", "retry in a/retry"},
      {"a%2F%2Fb%2F..%2F/drop", "drop in a//b/../"},
      {"%239/drop", "drop in #9"},
      {"ab+cd%2B==/drop", "drop in ab+cd+=="},
      {"%25%32%46/drop", "drop in %2F"},
      {"%C3%A9%22%0D%0A/drop", "drop in \xc3\xa9\"\r\n"},
  };
  for (const auto& [path, what] : cases) {
    EXPECT_EQ(ask(post("/cleat/v1/components/in/events/" + std::string(path), "")).status(), 204) << path;
    EXPECT_EQ(asked(), (std::vector<std::string>{what})) << path;
  }
  EXPECT_EQ(ask(post("/cleat/v1/components/in/events/%zz/drop", "")).status(), 400);
  for (const char* path : {"7", "drop", "7/ack", "7/DROP", "7%2Fdrop"}) {
    expect_error(ask(post("/cleat/v1/components/in/events/" + std::string(path), "")), 404, "ERR_NOT_FOUND");
  }
  EXPECT_TRUE(asked().empty());
}

TEST_F(AdminRoutesTest, PausesAndResumes) {
  start();
  EXPECT_EQ(ask(post("/cleat/v1/components/a%2Fb/pause", "")).status(), 204);
  EXPECT_EQ(ask(post("/cleat/v1/components/in/resume", "ignored")).status(), 204);
  EXPECT_EQ(asked(), (std::vector<std::string>{"pause a/b", "resume in"}));
}

TEST_F(AdminRoutesTest, TellsWhyNot) {
  const std::string paths[] = {"in/pause", "in/resume", "in/events/7/retry", "in/events/7/dead-letter",
                               "in/events/7/drop"};
  start();
  on_loop([&] { host_.decided = {Decided::Result::not_found, "there is none"}; });
  for (const std::string& path : paths)
    expect_error(ask(post("/cleat/v1/components/" + path, "")), 404, "ERR_NOT_FOUND");
  on_loop([&] { host_.decided = {Decided::Result::conflict, "it <runs> now"}; });
  for (const std::string& path : paths) {
    const RawMessage refused = ask(post("/cleat/v1/components/" + path, ""));
    expect_error(refused, 409, "ERR_CONFLICT");
    EXPECT_NE(refused.body.find("runs"), std::string::npos);
  }
}

TEST_F(AdminRoutesTest, AsksTheFarEnd) {
  start();
  EXPECT_EQ(ask(post("/cleat/v1/components/a%2Fb/ping", "")).status(), 204);
  EXPECT_EQ(asked(), (std::vector<std::string>{"ping a/b"}));
  on_loop([&] { host_.far_end = {FarEnd::Result::silent, "nobody is there"}; });
  const RawMessage silent = ask(post("/cleat/v1/components/in/ping", ""));
  expect_error(silent, 503, "ERR_UNREACHABLE");
  EXPECT_NE(silent.body.find("nobody is there"), std::string::npos);
  on_loop([&] { host_.far_end = {FarEnd::Result::not_asked, "it cannot"}; });
  expect_error(ask(post("/cleat/v1/components/in/ping", "")), 409, "ERR_CONFLICT");
  on_loop([&] { host_.far_end = {FarEnd::Result::not_found, "there is none"}; });
  expect_error(ask(post("/cleat/v1/components/in/ping", "")), 404, "ERR_NOT_FOUND");
}

TEST_F(AdminRoutesTest, IsReadyWithoutAToken) {
  options_.router.api_token = "secret";
  start();
  EXPECT_EQ(ask(get("/cleat/v1/ready")).status(), 204);
  EXPECT_EQ(ask(get("/cleat/v1/ready", "HEAD")).status(), 204);
  on_loop([&] {
    host_.waiting_for = {"application"};
    host_.required_waiting = {"in is failed"};
  });
  const RawMessage waiting = ask(get("/cleat/v1/ready"));
  EXPECT_EQ(waiting.status(), 503);
  EXPECT_EQ(
      waiting.body,
      R"({"errorCode":"ERR_NOT_READY","message":"the host is not ready: [application, in is failed]"})");
}

TEST_F(AdminRoutesTest, AsksForTheTokenOtherwise) {
  options_.router.api_token = "secret";
  start();
  const std::string token = "dapr-api-token: secret\r\n";
  for (const char* path : {"components", "components/in", "components/in/events", "nowhere"}) {
    EXPECT_EQ(ask(get("/cleat/v1/" + std::string(path))).status(), 401) << path;
  }
  for (const char* path : {"components/in/pause", "components/in/resume", "components/in/ping",
                           "components/in/events/7/drop", "ready"}) {
    const std::string whole = "/cleat/v1/" + std::string(path);
    EXPECT_EQ(ask(post(whole, "")).status(), 401) << path;
    EXPECT_EQ(ask(post(whole, "", "dapr-api-token: wrong\r\n")).status(), 401) << path;
  }
  EXPECT_TRUE(asked().empty());
  EXPECT_EQ(ask(post("/cleat/v1/components/in/pause", "", token)).status(), 204);
  EXPECT_EQ(ask("GET /cleat/v1/components HTTP/1.1\r\nHost: h\r\n" + token + "\r\n").status(), 200);
}

TEST_F(AdminRoutesTest, TellsWhatThereIs) {
  start();
  for (const char* path :
       {"/cleat/v1", "/cleat/v1/", "/cleat/v1/x", "/cleat/v1/componentsx", "/cleat/v1/components/in/x",
        "/cleat/v1/components/in/pause/x", "/cleat/v1/ready/x", "/cleat/v1/components/in/events/7"}) {
    const RawMessage unknown = ask(get(path));
    expect_error(unknown, 404, "ERR_NOT_FOUND");
    EXPECT_NE(unknown.body.find("/cleat/v1/components/{name}/pause"), std::string::npos) << path;
  }
  for (const char* path : {"/cleat", "/cleat/v10", "/cleat/v2/components"})
    expect_error(ask(get(path)), 404, "ERR_DIRECT_INVOKE");
}

TEST_F(AdminRoutesTest, TellsTheMethodsThereAre) {
  start();
  for (const char* path : {"ready", "components", "components/in", "components/in/events"}) {
    for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
      const RawMessage refused = ask(get("/cleat/v1/" + std::string(path), method));
      expect_error(refused, 405, "ERR_METHOD_NOT_ALLOWED");
      EXPECT_EQ(refused.header("allow"), "GET, HEAD") << path;
    }
  }
  for (const char* path :
       {"components/in/pause", "components/in/resume", "components/in/ping", "components/in/events/7/drop"}) {
    for (const char* method : {"GET", "PUT", "DELETE"}) {
      const RawMessage refused = ask(get("/cleat/v1/" + std::string(path), method));
      expect_error(refused, 405, "ERR_METHOD_NOT_ALLOWED");
      EXPECT_EQ(refused.header("allow"), "POST") << path;
    }
  }
  EXPECT_TRUE(asked().empty());
}

TEST_F(AdminRoutesTest, IsServedWhenStrictToo) {
  options_.router.strict_dapr = true;
  start();
  EXPECT_EQ(ask(get("/cleat/v1/ready")).status(), 204);
  EXPECT_EQ(ask(get("/cleat/v1/components")).status(), 200);
}

TEST_F(AdminRoutesTest, AnswersLaterOrToNobody) {
  host_.hold = true;
  start();
  const auto wait_for_asked = [this](std::size_t count) {
    for (std::size_t held = 0; held < count;)
      on_loop([&] { held = host_.held.size(); });
  };
  RawSocket gone = connect(), patient = connect();
  ASSERT_TRUE(gone.send(get("/cleat/v1/components")));
  wait_for_asked(1);
  ASSERT_TRUE(patient.send(get("/cleat/v1/components") + get("/v1.0/healthz")));
  wait_for_asked(2);
  gone.reset();
  on_loop([&] {
    for (Task& answer : host_.held)
      answer();
    host_.held.clear();
  });
  const RawMessage list = RawMessage::read(patient);
  EXPECT_EQ(list.status(), 200);
  EXPECT_TRUE(json::parse(list.body)) << list.body;
  EXPECT_EQ(RawMessage::read(patient).status(), 204);
  RawSocket metadata = connect();
  ASSERT_TRUE(metadata.send(get("/v1.0/metadata")));
  wait_for_asked(1);
  on_loop([&] {
    host_.held.at(0)();
    host_.held.clear();
  });
  EXPECT_NE(RawMessage::read(metadata).body.find(R"("cleat":{"version":"1.0")"), std::string::npos);
}

}  // namespace
}  // namespace cleat
