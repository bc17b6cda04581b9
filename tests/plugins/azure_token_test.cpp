#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <future>
#include <map>
#include <memory>

#include "common/azure/token.hpp"
#include "plugins/fake_host.hpp"
#include "plugins/http_messages.hpp"

namespace cleat::azure {
namespace {

using namespace std::chrono_literals;
using testing::answer;
using testing::Asked;
using testing::Pairs;
using testing::ScriptedServer;

constexpr const char* kScope = "https://storage.azure.com/.default";

TokenSettings settings_of(const Pairs& fields, const std::map<std::string, std::string>& variables = {}) {
  const testing::MapOf map(fields);
  cleat_config raw{};
  raw.struct_size = sizeof raw;
  raw.metadata = map.map();
  return token_settings(Config(raw), [&](const char* name) {
    const auto found = variables.find(name);
    return found != variables.end() ? std::optional(found->second) : std::nullopt;
  });
}

std::string error_of(const Pairs& fields) {
  try {
    settings_of(fields);
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

struct Got {
  std::string token;
  Failure failure;
  bool is_failed = false;
};

class TokenTest : public ::testing::Test {
 protected:
  ~TokenTest() override {
    if (source) {
      curl.loop().post([this] { source->close(); });
      curl.stop();
    }
  }
  void serve(std::function<std::string(const Asked&, int number)> how) {
    server = std::make_unique<ScriptedServer>(
        [this, how = std::move(how)](ScriptedServer::Connection& connection) {
          while (const Asked asked = testing::read_request(connection))
            connection.write(how(asked, ++asked_));
        });
  }
  void begin(TokenSettings settings) {
    source = std::make_unique<TokenSource>(curl, std::move(settings), kScope);
    curl.start();
  }
  std::future<Got> ask(std::chrono::nanoseconds limit = 20s) {
    const auto promise = std::make_shared<std::promise<Got>>();
    const auto at = std::chrono::steady_clock::now().time_since_epoch() + limit;
    curl.loop().post([this, promise, at_ns = static_cast<std::uint64_t>(at.count())] {
      source->get(at_ns, [promise](const AccessToken* token, const Failure* failure) {
        Got got;
        if (token != nullptr) got.token = token->text;
        if (failure != nullptr) got.failure = *failure;
        got.is_failed = failure != nullptr;
        promise->set_value(std::move(got));
      });
    });
    return promise->get_future();
  }
  TokenSettings with_secret() {
    return settings_of(
        {{"azureTenantId", "tenant"}, {"azureClientId", "app"}, {"azureClientSecret", "s e+c"}},
        {{"AZURE_AUTHORITY_HOST", server->url() + "/"}});
  }

  std::atomic<int> asked_ = 0;
  std::unique_ptr<ScriptedServer> server;
  common::CurlLoop curl{common::CurlLoop::Options{}};
  std::unique_ptr<TokenSource> source;
};

std::string token(int number, int seconds = 3600) {
  return answer("200 OK", "{\"token_type\":\"Bearer\",\"expires_in\":" + std::to_string(seconds) +
                              ",\"access_token\":\"token-" + std::to_string(number) + "\"}");
}

TEST_F(TokenTest, ASecretGivesATokenThatIsKept) {
  serve([](const Asked&, int number) { return token(number); });
  begin(with_secret());
  std::vector<std::future<Got>> all;
  for (int i = 0; i < 20; ++i)
    all.push_back(ask());
  for (auto& each : all)
    EXPECT_EQ(each.get().token, "token-1");
  EXPECT_EQ(ask().get().token, "token-1");
  ASSERT_EQ(server->notes().size(), 1U);
  const std::string request = server->notes()[0];
  EXPECT_NE(request.find("POST /tenant/oauth2/v2.0/token HTTP/1.1"), std::string::npos) << request;
  EXPECT_NE(request.find(
                "grant_type=client_credentials&client_id=app&scope=https%3A%2F%2Fstorage.azure.com%2F.default"
                "&client_secret=s%20e%2Bc"),
            std::string::npos)
      << request;
}

TEST_F(TokenTest, ATokenIsReplacedBeforeItEnds) {
  serve([](const Asked&, int number) { return token(number, number == 1 ? 3 : 3600); });
  begin(with_secret());
  std::string now = ask().get().token;
  EXPECT_EQ(now, "token-1");
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (now == "token-1" && std::chrono::steady_clock::now() < until) {
    const Got got = ask().get();
    ASSERT_FALSE(got.is_failed) << got.failure.text;
    now = got.token;
  }
  EXPECT_EQ(now, "token-2");
  EXPECT_EQ(asked_, 2);
}

TEST_F(TokenTest, AFailedReplacementHarmsNobodyWhileTheOldTokenServes) {
  serve([](const Asked&, int number) { return number == 1 ? token(1, 5) : answer("503 Busy", "later"); });
  begin(with_secret());
  // What is given out before the token's end; the machine may be too busy to ask so early.
  const auto end = std::chrono::steady_clock::now() + 5s;
  bool is_asked_again = false;
  for (;;) {
    const Got got = ask().get();
    if (std::chrono::steady_clock::now() >= end) break;
    ASSERT_EQ(got.token, "token-1") << got.failure.text;
    if (is_asked_again) break;
    is_asked_again = asked_ >= 2;
  }
}

TEST_F(TokenTest, WhatAServerDidNotTakeIsNotGivenOutAgain) {
  serve([](const Asked&, int number) { return token(number); });
  begin(with_secret());
  EXPECT_EQ(ask().get().token, "token-1");
  curl.loop().post([this] { source->forget("token-1"); });
  EXPECT_EQ(ask().get().token, "token-2");
  curl.loop().post([this] { source->forget("token-1"); });
  EXPECT_EQ(ask().get().token, "token-2");
}

TEST_F(TokenTest, TokensThatNoServerTakesAreNotAskedForEachTime) {
  serve([](const Asked&, int number) { return token(number); });
  begin(with_secret());
  const auto forget = [this](int number) {
    curl.loop().post([this, number] { source->forget("token-" + std::to_string(number)); });
  };
  EXPECT_EQ(ask().get().token, "token-1");
  forget(1);
  EXPECT_EQ(ask().get().token, "token-2");
  for (int i = 0; i < 10; ++i) {
    forget(asked_);
    EXPECT_FALSE(ask().get().is_failed);
  }
  EXPECT_LE(asked_, 4);
  const int before = asked_;
  curl.loop().post([this] { source->serves(); });
  forget(before);
  EXPECT_EQ(ask().get().token, "token-" + std::to_string(before + 1));
}

TEST_F(TokenTest, ARefusalIsSaidWithoutTheSecret) {
  serve([](const Asked& asked, int number) {
    return number == 1
               ? answer("401 Unauthorized",
                        R"({"error":"invalid_client","error_description":"AADSTS7000215: )"
                        R"(Invalid client secret provided.\r\nTrace ID: 1"})")
               : answer("401 Unauthorized",
                        "{\"error\":\"invalid_client\",\"error_description\":\"s e+c " + asked.line + "\"}");
  });
  begin(with_secret());
  const Got first = ask().get();
  EXPECT_EQ(first.failure.status, CLEAT_UNAUTHENTICATED);
  EXPECT_FALSE(first.failure.is_retryable);
  EXPECT_EQ(first.failure.text,
            "no token could be had: HTTP 401 invalid_client: AADSTS7000215: Invalid client secret provided.");
  // For a while nobody is asked again.
  int asks = 0;
  Got later = first;
  const auto until = std::chrono::steady_clock::now() + 60s;
  for (; asked_ < 4 && std::chrono::steady_clock::now() < until; ++asks)
    later = ask().get();
  EXPECT_EQ(asked_, 4);
  EXPECT_GT(asks, 10);
  EXPECT_EQ(later.failure.text, "no token could be had: HTTP 401 invalid_client");
}

TEST_F(TokenTest, ARefusalHasNoHalfOfTheSecretAtItsEnd) {
  serve([](const Asked&, int) {
    return answer("401 Unauthorized", R"({"error":"invalid_client","error_description":")" +
                                          std::string(296, '.') + R"(s e+c"})");
  });
  begin(with_secret());
  EXPECT_EQ(ask().get().failure.text, "no token could be had: HTTP 401 invalid_client");
}

TEST_F(TokenTest, AServerThatIsBusyOrSaysNothingUsefulMayBeAskedAgain) {
  serve([](const Asked&, int) { return answer("503 Busy", "<html>"); });
  begin(with_secret());
  const Got got = ask().get();
  EXPECT_EQ(got.failure.status, CLEAT_UNAVAILABLE);
  EXPECT_TRUE(got.failure.is_retryable);
  EXPECT_EQ(got.failure.text, "no token could be had: HTTP 503: an answer that is no JSON");
}

TEST_F(TokenTest, ACallIsAnsweredByItsDeadline) {
  serve([this](const Asked&, int) {
    server->wait_for("go on", 1);
    return token(1);
  });
  begin(with_secret());
  const Got got = ask(50ms).get();
  EXPECT_EQ(got.failure.status, CLEAT_TIMEOUT);
  server->note("go on");
  EXPECT_EQ(ask().get().token, "token-1");
}

TEST_F(TokenTest, AWorkloadShowsWhatItsFileHoldsNow) {
  serve([](const Asked&, int number) { return token(number, number == 1 ? 0 : 3600); });
  const std::string path = "/tmp/cleat-assertion-" + std::to_string(::getpid());
  std::ofstream(path) << "first.jwt\n";
  begin(settings_of({}, {{"AZURE_FEDERATED_TOKEN_FILE", path},
                         {"AZURE_TENANT_ID", "t"},
                         {"AZURE_CLIENT_ID", "c"},
                         {"AZURE_AUTHORITY_HOST", server->url()}}));
  EXPECT_EQ(ask().get().token, "token-1");
  std::ofstream(path) << "second.jwt\n";
  EXPECT_EQ(ask().get().token, "token-2");
  EXPECT_EQ(
      server->count("&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
                    "&client_assertion=first.jwt"),
      1U);
  EXPECT_EQ(server->count("&client_assertion=second.jwt"), 1U);
  std::remove(path.c_str());
}

TEST_F(TokenTest, AWorkloadWithoutItsFileSaysSo) {
  serve([](const Asked&, int number) { return token(number); });
  begin(settings_of({}, {{"AZURE_FEDERATED_TOKEN_FILE", "/nowhere/token"},
                         {"AZURE_TENANT_ID", "t"},
                         {"AZURE_CLIENT_ID", "c"},
                         {"AZURE_AUTHORITY_HOST", server->url()}}));
  const Got got = ask().get();
  EXPECT_EQ(got.failure.status, CLEAT_UNAUTHENTICATED);
  EXPECT_EQ(got.failure.text,
            "the file of AZURE_FEDERATED_TOKEN_FILE, /nowhere/token, cannot be read or is empty");
}

TEST_F(TokenTest, AMachineHasAnIdentityAtItsOwnAddress) {
  serve([](const Asked&, int) {
    return answer("200 OK", R"({"access_token":"of the machine","expires_in":"86399","expires_on":"1"})");
  });
  begin(settings_of({{"azureClientId", "which one"}},
                    {{"AZURE_POD_IDENTITY_AUTHORITY_HOST", server->url()}, {"AZURE_CLIENT_ID", "another"}}));
  EXPECT_EQ(ask().get().token, "of the machine");
  const std::string request = server->notes().at(0);
  EXPECT_NE(request.find("GET /metadata/identity/oauth2/token?api-version=2018-02-01"
                         "&resource=https%3A%2F%2Fstorage.azure.com&client_id=which%20one HTTP/1.1"),
            std::string::npos)
      << request;
  EXPECT_NE(request.find("Metadata: true\r\n"), std::string::npos);
}

TEST_F(TokenTest, AppServiceHasAnEndpointOfItsOwn) {
  const auto in_an_hour = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()) + 3600;
  serve([=](const Asked&, int) {
    return answer("200 OK",
                  "{\"access_token\":\"of the app\",\"expires_on\":\"" + std::to_string(in_an_hour) + "\"}");
  });
  begin(settings_of(
      {}, {{"IDENTITY_ENDPOINT", server->url() + "/msi/token"}, {"IDENTITY_HEADER", "planted-header"}}));
  EXPECT_EQ(ask().get().token, "of the app");
  EXPECT_EQ(ask().get().token, "of the app");
  EXPECT_EQ(server->count("GET /msi/token?api-version=2019-08-01&resource="), 1U);
  EXPECT_EQ(server->count("X-IDENTITY-HEADER: planted-header"), 1U);
}

TEST(TokenSettings, WhatIsThereCountsInOrder) {
  const std::map<std::string, std::string> workload{
      {"AZURE_FEDERATED_TOKEN_FILE", "/f"}, {"AZURE_TENANT_ID", "t"}, {"AZURE_CLIENT_ID", "c"}};
  EXPECT_EQ(settings_of({}).identity, Identity::managed_identity);
  EXPECT_EQ(settings_of({}).endpoint, "http://169.254.169.254/metadata/identity/oauth2/token");
  EXPECT_EQ(settings_of({}, workload).identity, Identity::workload_identity);
  EXPECT_EQ(settings_of({{"azureClientSecret", "s"}}, workload).identity, Identity::client_secret);
  EXPECT_EQ(settings_of({{"azureClientSecret", "s"}, {"azureAuthMethods", "mi,creds"}}, workload).identity,
            Identity::managed_identity);
  EXPECT_EQ(settings_of({{"azureEnvironment", "AzureChinaCloud"}}).authority,
            "https://login.chinacloudapi.cn");
  EXPECT_EQ(settings_of({{"azureEnvironment", "azureusgovernment"}}).authority,
            "https://login.microsoftonline.us");
}

TEST(TokenSettings, WhatCannotBeIsRefused) {
  EXPECT_EQ(error_of({{"azureEnvironment", "mars"}}).substr(0, 25), "invalid Azure cloud: mars");
  EXPECT_EQ(error_of({{"azureAuthMethods", "magic"}}).substr(0, 32), "invalid Azure auth method: magic");
  EXPECT_EQ(error_of({{"azureAuthMethods", "none"}}),
            "all Azure auth methods have been disabled with auth method 'None'");
  EXPECT_EQ(error_of({{"azureAuthMethods", "creds"}}).substr(0, 40),
            "no suitable token provider for Azure AD;");
  EXPECT_EQ(error_of({{"azureAuthMethods", "cli"}}).substr(0, 40),
            "azureAuthMethods: 'cli' is not served: e");
  const std::string certificate = error_of({{"azureCertificate", "planted"}});
  EXPECT_EQ(certificate.substr(0, 17), "azureCertificate:");
  EXPECT_EQ(certificate.find("planted"), std::string::npos);
}

}  // namespace
}  // namespace cleat::azure
