#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>

#include "common/google/credentials.hpp"
#include "common/json_text.hpp"
#include "plugins/fake_host.hpp"
#include "plugins/rsa.hpp"

namespace cleat::google {
namespace {

using testing::Pairs;
using testing::test_key;
using Variables = std::map<std::string, std::string>;

class CredentialsTest : public ::testing::Test {
 protected:
  ~CredentialsTest() override { std::remove(path.c_str()); }

  Place place(const Pairs& fields, const Variables& variables = {}) {
    const testing::MapOf map(fields);
    cleat_config raw{};
    raw.struct_size = sizeof raw;
    raw.metadata = map.map();
    return place_of(Config(raw), "STORAGE_EMULATOR_HOST", "https://usual", [&](const char* name) {
      const auto found = variables.find(name);
      return found != variables.end() ? std::optional(found->second) : std::nullopt;
    });
  }
  Credentials from_file(const std::string& text) {
    std::ofstream(path) << text;
    return place({}, {{"GOOGLE_APPLICATION_CREDENTIALS", path}}).credentials;
  }
  std::string error_of(const std::function<void()>& what) {
    try {
      what();
    } catch (const Error& error) {
      return error.what();
    }
    return "(no error)";
  }

  std::string path = ::testing::TempDir() + "credentials-" + std::to_string(::getpid()) + ".json";
};

TEST_F(CredentialsTest, OfFieldsAreAKey) {
  std::string one_line = test_key().pem();
  for (std::size_t at = one_line.find('\n'); at != std::string::npos; at = one_line.find('\n'))
    one_line.replace(at, 1, "\\n");
  for (const std::string& pem : {test_key().pem(), one_line}) {
    const Credentials found =
        place({{"privateKeyID", "kid"}, {"privateKey", pem}, {"clientEmail", "me@x"}}).credentials;
    EXPECT_EQ(found.identity, Identity::service_account);
    EXPECT_EQ(found.token_url, "https://oauth2.googleapis.com/token");
    EXPECT_TRUE(test_key().has_signed("text", found.key->sign("text")));
  }
}

TEST_F(CredentialsTest, OfFieldsThatCannotBeAreRefusedWithoutTheKey) {
  const std::string planted = "-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----\n";
  const std::string error = error_of([&] {
    place({{"privateKeyID", "kid"}, {"privateKey", planted}, {"clientEmail", "me@x"}});
  });
  EXPECT_EQ(error.find("privateKey: expected an RSA private key in PEM"), 0U) << error;
  EXPECT_EQ(error.find("planted"), std::string::npos);
  EXPECT_NE(error_of([&] {
              place({{"privateKeyID", "kid"}, {"clientEmail", "me@x"}});
            }).find("privateKey"),
            std::string::npos);
  EXPECT_NE(error_of([&] { place({{"privateKeyID", "kid"}}); }).find("clientEmail"), std::string::npos);
}

TEST_F(CredentialsTest, OfAFileAreWhatItSays) {
  const Credentials account = from_file(
      "{\"type\":\"service_account\",\"client_email\":\"me@x\",\"private_key_id\":\"kid\",\"private_key\":" +
      common::json_string(test_key().pem()) + ",\"token_uri\":\"http://t\"}");
  EXPECT_EQ(account.identity, Identity::service_account);
  EXPECT_EQ(account.token_url, "http://t");
  EXPECT_EQ(account.email, "me@x");
  const Credentials user = from_file(
      R"({"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r","quota_project_id":"p"})");
  EXPECT_EQ(user.identity, Identity::authorized_user);
  EXPECT_EQ(user.project, "p");
  const Credentials other = from_file(
      R"({"type":"external_account","audience":"a","subject_token_type":"t","token_url":"http://sts",)"
      R"("credential_source":{"url":"http://u","headers":{"A":"b"},"format":{"type":"json","subject_token_field_name":"v"}}})");
  EXPECT_EQ(other.identity, Identity::external_account);
  EXPECT_EQ(other.subject.url, "http://u");
  EXPECT_EQ(other.subject.member, "v");
  EXPECT_EQ(other.subject.headers[0].second, "b");
}

TEST_F(CredentialsTest, OfAFileThatCannotBeAreRefusedByItsName) {
  for (
      const char* text :
      {"{", "{}", R"({"type":"gdch_service_account"})", R"({"type":"service_account","client_email":"x"})",
       R"({"type":"service_account","client_email":"x","private_key":"planted"})",
       R"({"type":"authorized_user","client_id":"x","client_secret":"planted"})",
       R"({"type":"external_account","audience":"a","subject_token_type":"t","token_url":"u","credential_source":{"executable":{}}})",
       R"({"type":"authorized_user","universe_domain":"elsewhere"})"}) {
    const std::string error = error_of([&] { from_file(text); });
    EXPECT_NE(error.find(path), std::string::npos) << text << " gave " << error;
    EXPECT_EQ(error.find("planted"), std::string::npos) << error;
  }
  const std::string missing = error_of([&] {
    place({}, {{"GOOGLE_APPLICATION_CREDENTIALS", "/does/not/exist"}});
  });
  EXPECT_NE(missing.find("/does/not/exist, cannot be read"), std::string::npos) << missing;
}

TEST_F(CredentialsTest, WithoutAnythingAreTheMachines) {
  EXPECT_EQ(place({}).credentials.token_url, "http://169.254.169.254");
  const Credentials found = place({}, {{"GCE_METADATA_HOST", "here:1"}}).credentials;
  EXPECT_EQ(found.identity, Identity::metadata_server);
  EXPECT_EQ(found.token_url, "http://here:1");
}

TEST_F(CredentialsTest, AnEmulatorAsksForNoneAndAnEndpointDoes) {
  EXPECT_EQ(place({}).url, "https://usual");
  const Variables emulator{{"STORAGE_EMULATOR_HOST", "localhost:9000/"}};
  EXPECT_EQ(place({}, emulator).url, "http://localhost:9000");
  EXPECT_EQ(place({}, emulator).credentials.identity, Identity::nobody);
  EXPECT_EQ(place({{"endpoint", "http://there/"}}, emulator).url, "http://there");
  EXPECT_EQ(place({{"endpoint", "http://there/"}}, emulator).credentials.identity, Identity::metadata_server);
  EXPECT_NE(error_of([&] {
              place({{"endpoint", "there"}});
            }).find("endpoint: expected a URL"),
            std::string::npos);
}

}  // namespace
}  // namespace cleat::google
