#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "plugins/aws_environment.hpp"
#include "plugins/fake_host.hpp"
#include "plugins/http_messages.hpp"
#include "s3_binding.hpp"

namespace cleat::s3 {

using namespace std::chrono_literals;
using testing::answer;
using testing::Asked;
using testing::Completion;
using testing::Pairs;
using testing::ScriptedServer;

constexpr std::size_t kPart = 5U << 20U;

inline bool has(const Asked& asked, std::string_view part) {
  return asked.line.find(part) != std::string::npos;
}

inline std::string error_answer(const std::string& status, const std::string& code,
                                const std::string& more = "", const std::string& headers = "") {
  return answer(status,
                "<?xml version=\"1.0\"?>\n<Error><Code>" + code + "</Code><Message>It is so.</Message>" +
                    more + "<RequestId>R-1</RequestId><HostId>H-1</HostId></Error>",
                headers);
}

/// What S3 says to each step of an upload in parts.
inline std::string usual(const Asked& asked) {
  if (has(asked, "?uploads=")) return answer("200 OK", "<R><UploadId>U&amp;1</UploadId></R>");
  if (has(asked, "DELETE")) return "HTTP/1.1 204 No Content\r\n\r\n";
  if (has(asked, "POST"))
    return answer("200 OK",
                  "<CompleteMultipartUploadResult><ETag>\"e-2\"</ETag></CompleteMultipartUploadResult>");
  return answer("200 OK", "", "ETag: \"e\"\r\n");
}

class S3Test : public ::testing::Test {
 protected:
  void run(std::function<std::string(const Asked&)> how, Pairs more = {}) {
    server = std::make_unique<ScriptedServer>([how = std::move(how)](ScriptedServer::Connection& connection) {
      while (const Asked asked = testing::read_request(connection)) {
        const std::string said = how(asked);
        if (said.empty()) return;
        connection.write(said);
        if (said.find("Connection: close") != std::string::npos) return;
      }
    });
    more.insert(more.end(), {{"bucket", "box"},
                             {"region", "eu-west-1"},
                             {"accessKey", "AKID"},
                             {"secretKey", "planted-secret"},
                             {"sessionToken", "planted-token"},
                             {"endpoint", server->url()},
                             {"partSize", std::to_string(kPart)},
                             {"maxObjectSize", "1000"}});
    ASSERT_EQ(driver.create().status, CLEAT_OK);
    const testing::Outcome init = driver.init(more, CLEAT_OUT);
    ASSERT_EQ(init.status, CLEAT_OK) << init.text;
    ASSERT_EQ(driver.start().status, CLEAT_OK);
  }
  Completion end_of(const Completion& begun) {
    EXPECT_TRUE(host.wait_until([&] { return host.completion(begun).done; }));
    return host.completion(begun);
  }
  Completion call(const std::string& operation, const std::string& data, const Pairs& metadata,
                  std::chrono::nanoseconds limit = 60s) {
    return end_of(driver.invoke(operation, data, metadata, limit));
  }

  testing::CleanAwsEnvironment environment;
  std::unique_ptr<ScriptedServer> server;
  testing::FakeHost host{testing::FakeHost::Clock::kSteady};
  const cleat_binding_type type = cleat::type<S3Binding>("bindings.aws.s3");
  testing::Driver driver{host, type};
};

}  // namespace cleat::s3
