#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <future>
#include <memory>

#include "common/base64.hpp"
#include "common/deadlines.hpp"
#include "common/google/client.hpp"
#include "common/google/signer.hpp"
#include "common/json_value.hpp"
#include "plugins/dead_port.hpp"
#include "plugins/fake_host.hpp"
#include "plugins/http_messages.hpp"
#include "plugins/rsa.hpp"

namespace cleat::google {
namespace {

using namespace std::chrono_literals;
using testing::answer;
using testing::Asked;
using testing::ScriptedServer;
using testing::test_key;

std::string token(int number, int seconds = 3600) {
  return answer("200 OK", "{\"expires_in\":" + std::to_string(seconds) + ",\"access_token\":\"token-" +
                              std::to_string(number) + "\"}");
}

std::string from_base64url(std::string text) {
  for (char& c : text)
    c = c == '-' ? '+' : c == '_' ? '/' : c;
  text.append((4 - text.size() % 4) % 4, '=');
  return common::from_base64(text).value_or("(none)");
}

class GoogleTest : public ::testing::Test {
 protected:
  ~GoogleTest() override {
    if (client) {
      curl.loop().post([this] { client->close(); });
      curl.stop();
    }
    std::remove(path.c_str());
  }
  /// Answers for tokens and for the service alike.
  void serve(std::function<std::string(const Asked&, int number)> how) {
    server = std::make_unique<ScriptedServer>(
        [this, how = std::move(how)](ScriptedServer::Connection& connection) {
          while (const Asked asked = testing::read_request(connection))
            connection.write(how(asked, ++asked_));
        });
  }
  void begin() {
    client = std::make_unique<Client>(curl, me);
    curl.start();
  }
  std::future<std::string> ask(std::chrono::nanoseconds limit = 20s) {
    const auto promise = std::make_shared<std::promise<std::string>>();
    curl.loop().post([this, promise, at_ns = common::ns_after(limit)] {
      ServiceRequest request;
      request.what = "ask";
      request.url = server->url() + "/service";
      request.may_run_twice = true;
      request.deadline_ns = at_ns;
      client->send(request, [promise](const common::HttpResponse* response, const Failure* failure) {
        promise->set_value(failure != nullptr ? failure->text : response->body);
      });
    });
    return promise->get_future();
  }
  void be_service_account() {
    me.identity = Identity::service_account;
    me.email = "me@x";
    me.key_id = "kid";
    me.key = std::make_shared<RsaKey>(test_key().pem(), "privateKey");
    me.token_url = server->url() + "/token";
  }

  std::string path = ::testing::TempDir() + "subject-" + std::to_string(::getpid());
  std::atomic<int> asked_ = 0;
  Credentials me;
  std::unique_ptr<ScriptedServer> server;
  common::CurlLoop curl{common::CurlLoop::Options{}};
  std::unique_ptr<Client> client;
};

/// The service says which token came.
std::string service(const Asked& asked) {
  const std::size_t at = asked.head.find("Authorization: Bearer ");
  return answer("200 OK", at == std::string::npos ? "nobody" : asked.head.substr(at + 22, 7));
}

bool is_of_service(const Asked& asked) {
  return asked.line.find(" /service") != std::string::npos;
}

TEST_F(GoogleTest, AKeyIsExchangedForATokenOnce) {
  serve([](const Asked& asked, int) { return is_of_service(asked) ? service(asked) : token(1); });
  be_service_account();
  begin();
  std::vector<std::future<std::string>> all;
  for (int i = 0; i < 20; ++i)
    all.push_back(ask());
  for (auto& each : all)
    EXPECT_EQ(each.get(), "token-1");
  EXPECT_EQ(server->count("POST /token"), 1U);
  EXPECT_EQ(server->count("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="), 1U);
}

TEST_F(GoogleTest, TheAssertionIsSignedAndSaysWhoForWhatAndForHowLong) {
  serve([](const Asked&, int) { return std::string(); });
  be_service_account();
  const std::string text = assertion_of(
      me, "https://aud", std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000)));
  const std::size_t first = text.find('.'), second = text.rfind('.');
  EXPECT_EQ(from_base64url(text.substr(0, first)), R"({"alg":"RS256","typ":"JWT","kid":"kid"})");
  EXPECT_EQ(from_base64url(text.substr(first + 1, second - first - 1)),
            R"({"iss":"me@x","scope":"https://www.googleapis.com/auth/cloud-platform","aud":"https://aud",)"
            R"("iat":1700000000,"exp":1700003600})");
  EXPECT_TRUE(test_key().has_signed(text.substr(0, second), from_base64url(text.substr(second + 1))));
}

TEST_F(GoogleTest, AUserShowsItsRefreshToken) {
  serve([](const Asked& asked, int) { return is_of_service(asked) ? service(asked) : token(1); });
  me.identity = Identity::authorized_user;
  me.token_url = server->url() + "/token";
  me.client_id = "c";
  me.client_secret = "s s";
  me.refresh_token = "r/r";
  me.project = "payer";
  begin();
  EXPECT_EQ(ask().get(), "token-1");
  EXPECT_EQ(server->count("grant_type=refresh_token&client_id=c&client_secret=s%20s&refresh_token=r%2Fr"),
            1U);
  EXPECT_EQ(server->count("x-goog-user-project: payer"), 1U);
}

TEST_F(GoogleTest, AMachineAsksItsMetadataServer) {
  serve([](const Asked& asked, int) { return is_of_service(asked) ? service(asked) : token(1); });
  me.identity = Identity::metadata_server;
  me.token_url = server->url();
  begin();
  EXPECT_EQ(ask().get(), "token-1");
  EXPECT_EQ(server->count("GET /computeMetadata/v1/instance/service-accounts/default/token?scopes="), 1U);
  EXPECT_EQ(server->count("Metadata-Flavor: Google"), 1U);
}

TEST_F(GoogleTest, AMachineWithoutAMetadataServerIsToldWhatToDo) {
  me.identity = Identity::metadata_server;
  const testing::DeadPort nobody;
  me.token_url = "http://" + nobody.address();
  serve([](const Asked& asked, int) { return service(asked); });
  begin();
  EXPECT_NE(ask().get().find("neither the component nor GOOGLE_APPLICATION_CREDENTIALS names credentials"),
            std::string::npos);
}

TEST_F(GoogleTest, AWorkloadsTokenOfAFileIsExchangedAndReadAnew) {
  serve([this, tokens = 0](const Asked& asked, int) mutable {
    if (!is_of_service(asked)) {
      std::ofstream(path) << "second\n";
      return token(++tokens);
    }
    return service(asked).find("token-1") != std::string::npos ? answer("401 No", "") : service(asked);
  });
  me.identity = Identity::external_account;
  me.token_url = server->url() + "/sts";
  me.audience = "//iam/pool";
  me.subject_token_type = "urn:ietf:params:oauth:token-type:jwt";
  me.subject.file = path;
  std::ofstream(path) << "first\n";
  begin();
  // What the service does not take any more is replaced, and the call goes out again.
  EXPECT_EQ(ask().get(), "token-2");
  EXPECT_EQ(server->count("&subject_token=second&"), 1U);
  EXPECT_EQ(server->count(
                "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
                "&audience=%2F%2Fiam%2Fpool&scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform"
                "&requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token"
                "&subject_token=first&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt"),
            1U);
}

TEST_F(GoogleTest, AWorkloadsTokenOfAnAddressBecomesAServiceAccounts) {
  serve([](const Asked& asked, int) {
    if (asked.line.find(" /subject") != std::string::npos) return answer("200 OK", R"({"value":"theirs"})");
    if (asked.line.find(":generateAccessToken") != std::string::npos)
      return answer("200 OK", R"({"accessToken":"token-9","expireTime":"2099-01-01T00:00:00Z"})");
    return is_of_service(asked) ? service(asked) : token(1);
  });
  me.identity = Identity::external_account;
  me.token_url = server->url() + "/sts";
  me.subject.url = server->url() + "/subject";
  me.subject.headers = {{"Who", "me"}};
  me.subject.member = "value";
  me.impersonation_url = server->url() + "/v1/projects/-/serviceAccounts/her@x:generateAccessToken";
  begin();
  EXPECT_EQ(ask().get(), "token-9");
  EXPECT_EQ(server->count("Who: me"), 1U);
  EXPECT_EQ(server->count("subject_token=theirs"), 1U);
  EXPECT_EQ(server->count("Authorization: Bearer token-1"), 1U);
}

TEST_F(GoogleTest, AWorkloadWithoutItsFileSaysSo) {
  serve([](const Asked& asked, int) { return service(asked); });
  me.identity = Identity::external_account;
  me.subject.file = "/does/not/exist";
  begin();
  EXPECT_EQ(ask().get(),
            "ask: no token could be had: the subject token's file, /does/not/exist, cannot be read or "
            "has none");
}

TEST_F(GoogleTest, ARefusalIsSaidInBothForms) {
  serve([](const Asked&, int number) {
    return number == 1
               ? answer("400 Bad",
                        R"({"error":"invalid_grant","error_description":"Invalid JWT Signature."})")
               : answer("403 No", R"({"error":{"code":403,"status":"PERMISSION_DENIED","message":"No."}})");
  });
  be_service_account();
  begin();
  EXPECT_EQ(ask().get(), "ask: no token could be had: HTTP 400 invalid_grant: Invalid JWT Signature.");
  std::string later = ask().get();
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (asked_ < 2 && std::chrono::steady_clock::now() < until)
    later = ask().get();
  EXPECT_EQ(later, "ask: no token could be had: HTTP 403 PERMISSION_DENIED: No.");
}

TEST_F(GoogleTest, RotationUnderLoadLosesNothing) {
  // Each token lives for some seconds, and the service takes no other than the last.
  std::atomic<int> last = 0;
  serve([&last](const Asked& asked, int) {
    if (!is_of_service(asked)) return token(++last, 5);
    const std::string expected = "Authorization: Bearer token-" + std::to_string(last.load()) + "\r\n";
    return asked.head.find(expected) != std::string::npos ? answer("200 OK", "well") : answer("401 No", "");
  });
  be_service_account();
  begin();
  const auto until = std::chrono::steady_clock::now() + 60s;
  int lost = 0, calls = 0;
  while (last < 3 && std::chrono::steady_clock::now() < until) {
    std::vector<std::future<std::string>> all;
    for (int i = 0; i < 8; ++i)
      all.push_back(ask());
    for (auto& each : all) {
      ++calls;
      lost += each.get() == "well" ? 0 : 1;
    }
  }
  EXPECT_GE(last, 3);
  EXPECT_EQ(lost, 0) << "of " << calls;
}

TEST_F(GoogleTest, AnErrorOfTheServiceIsSaidAndClassified) {
  ServiceRequest request;
  request.what = "storage.objects.get";
  const auto failure = [&](int status, std::string body) {
    common::HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    response.headers = {{"X-GUploader-UploadID", "id-1"}};
    return failure_of(request, response, "planted-token");
  };
  EXPECT_EQ(
      failure(404,
              R"({"error":{"code":404,"message":"No such object: b/o","errors":[{"reason":"notFound"}]}})")
          .text,
      "storage.objects.get: HTTP 404 notFound: No such object: b/o (request id id-1)");
  EXPECT_EQ(failure(401, R"({"error":{"message":"Not known: Bearer planted-token","status":"S"}})").text,
            "storage.objects.get: HTTP 401 S: Not known: Bearer *** (request id id-1)");
  EXPECT_EQ(failure(403, R"({"error":{"errors":[{"reason":"rateLimitExceeded"}]}})").status, CLEAT_THROTTLED);
  EXPECT_EQ(failure(403, "").status, CLEAT_DENIED);
  EXPECT_EQ(failure(412, "").status, CLEAT_CONFLICT);
  EXPECT_TRUE(failure(503, "<html>").is_retryable);
  EXPECT_FALSE(failure(500, "").is_retryable);
  request.may_run_twice = true;
  EXPECT_TRUE(failure(500, "").is_retryable);
  request.is_new_each_time = true;
  EXPECT_FALSE(failure(500, "").is_retryable);
}

TEST_F(GoogleTest, AMachineHasTheServiceSignForIt) {
  serve([](const Asked& asked, int) {
    if (asked.line.find("/email") != std::string::npos) return answer("200 OK", "her@x\n");
    if (asked.line.find(":signBlob") != std::string::npos)
      return answer("200 OK", R"({"keyId":"k","signedBlob":"c2lnbmVk"})");
    return token(1);
  });
  me.identity = Identity::metadata_server;
  me.token_url = me.iam_url = server->url();
  begin();
  Signer signer(curl, *client, me);
  std::promise<std::string> promise;
  curl.loop().post([&] {
    signer.name(1, common::ns_after(20s), [&](const std::string* email, const Failure* failure) {
      ASSERT_EQ(failure, nullptr) << failure->text;
      EXPECT_EQ(*email, "her@x");
      signer.sign("text", 1, common::ns_after(20s), [&](const std::string* signature, const Failure* why) {
        promise.set_value(signature != nullptr ? *signature : why->text);
      });
    });
  });
  EXPECT_EQ(promise.get_future().get(), "signed");
  EXPECT_EQ(server->count("POST /v1/projects/-/serviceAccounts/her%40x:signBlob"), 1U);
  EXPECT_EQ(server->count(R"({"payload":"dGV4dA=="})"), 1U);
}

}  // namespace
}  // namespace cleat::google
