#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "http_binding.hpp"
#include "plugins/fake_host.hpp"
#include "plugins/http_messages.hpp"
#include "plugins/scripted_server.hpp"

namespace cleat::http {

using testing::answer;
using testing::Asked;
using testing::read_request;

class HttpTest : public ::testing::Test {
 protected:
  using Connection = testing::ScriptedServer::Connection;

  void serve(testing::ScriptedServer::Serve how) {
    server = std::make_unique<testing::ScriptedServer>(std::move(how));
  }
  /// Every request is answered by `how`; the connection stays.
  void answer_all(std::function<std::string(const Asked&)> how) {
    serve([how = std::move(how)](Connection& connection) {
      while (const Asked asked = read_request(connection))
        connection.write(how(asked));
    });
  }
  void run(testing::Pairs metadata = {}) {
    metadata.emplace_back("url", server->url());
    ASSERT_EQ(driver.create().status, CLEAT_OK);
    const testing::Outcome init = driver.init(metadata, CLEAT_OUT);
    ASSERT_EQ(init.status, CLEAT_OK) << init.text;
    ASSERT_EQ(driver.start().status, CLEAT_OK);
  }
  testing::Completion done(const testing::Completion& call) {
    EXPECT_TRUE(host.wait_until([&] { return host.completion(call).done; }));
    return host.completion(call);
  }
  testing::Completion call(const std::string& operation, const std::string& data = {},
                           const testing::Pairs& metadata = {},
                           std::chrono::nanoseconds limit = std::chrono::seconds(30)) {
    return done(driver.invoke(operation, data, metadata, limit));
  }
  testing::Outcome init_with(const testing::Pairs& metadata) {
    EXPECT_EQ(driver.create().status, CLEAT_OK);
    return driver.init(metadata, CLEAT_OUT);
  }

  std::unique_ptr<testing::ScriptedServer> server;
  testing::FakeHost host{testing::FakeHost::Clock::kSteady};
  const cleat_binding_type type = cleat::type<HttpBinding>("bindings.http");
  testing::Driver driver{host, type};
};

}  // namespace cleat::http
