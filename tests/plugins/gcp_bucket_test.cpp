#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>

#include "attributes.hpp"
#include "bucket_binding.hpp"
#include "common/google/rsa_key.hpp"
#include "plugins/fake_host.hpp"
#include "plugins/http_messages.hpp"
#include "plugins/rsa.hpp"
#include "signed_url.hpp"

namespace cleat::bucket {
namespace {

using namespace std::chrono_literals;
using testing::answer;
using testing::Asked;
using testing::Pairs;
using testing::ScriptedServer;

/// What comes with the bytes of an object.
constexpr const char* kGeneration = "x-goog-generation: 7\r\n";

class BucketTest : public ::testing::Test {
 protected:
  /// Answers what the plugin asks for by itself, its token and whether the bucket is there; `how` the rest.
  void run(std::function<std::string(const Asked&)> how, Pairs more = {}) {
    server = std::make_unique<ScriptedServer>(
        [this, how = std::move(how)](ScriptedServer::Connection& connection) {
          while (const Asked asked = testing::read_request(connection)) {
            if (asked.line.find(" /token") != std::string::npos) {
              connection.write(answer("200 OK", R"({"access_token":"planted-token","expires_in":3600})"));
            } else if (asked.line.find("fields=kind ") != std::string::npos) {
              connection.write(is_away ? answer("503 Oh", "") : answer("200 OK", "{}"));
            } else {
              connection.write(how(asked));
            }
          }
        });
    more.insert(more.end(), {{"bucket", "box"},
                             {"projectID", "shop"},
                             {"privateKeyID", "kid"},
                             {"privateKey", testing::test_key().pem()},
                             {"clientEmail", "me@x"},
                             {"tokenURI", server->url() + "/token"},
                             {"endpoint", server->url()},
                             {"chunkSize", "262144"},
                             {"maxObjectSize", "1000"}});
    ASSERT_EQ(driver.create().status, CLEAT_OK);
    const testing::Outcome init = driver.init(more, CLEAT_OUT);
    ASSERT_EQ(init.status, CLEAT_OK) << init.text;
    ASSERT_EQ(driver.start().status, CLEAT_OK);
  }
  testing::Completion call(const std::string& operation, const std::string& data, const Pairs& metadata,
                           std::chrono::nanoseconds limit = 20s) {
    const auto& begun = driver.invoke(operation, data, metadata, limit);
    EXPECT_TRUE(host.wait_until([&] { return host.completion(begun).done; }));
    return host.completion(begun);
  }
  void fail_init(const Pairs& fields, const std::string& expected) {
    ASSERT_EQ(driver.create().status, CLEAT_OK);
    EXPECT_EQ(driver.init(fields, CLEAT_OUT).text, expected);
  }

  std::atomic<bool> is_away = false;  ///< says who looks at the bucket
  std::unique_ptr<ScriptedServer> server;
  testing::FakeHost host{testing::FakeHost::Clock::kSteady};
  const cleat_binding_type type = cleat::type<BucketBinding>("bindings.gcp.bucket");
  testing::Driver driver{host, type};
};

bool has(const Asked& asked, std::string_view text) {
  return asked.line.find(text) != std::string::npos;
}

const std::string kObject = R"({"generation":"7"})";

TEST_F(BucketTest, WithoutABucketOrAProjectSaysDaprsWords) {
  fail_init({{"projectID", "shop"}}, "missing property `bucket` in metadata");
}

TEST_F(BucketTest, WithoutAProjectSaysDaprsWords) {
  fail_init({{"bucket", "box"}}, "missing property `project_id` in metadata");
}

TEST_F(BucketTest, AnUploadThatBreaksOffGoesOnWhereItWas) {
  run([chunks = 0](const Asked& asked) mutable {
    if (has(asked, "uploadType=resumable"))
      return answer("200 OK", "", "Location: https://elsewhere/upload/session?id=1\r\n");
    if (asked.head.find("Content-Range: bytes */600000") != std::string::npos)
      return answer("308 Go on", "", "Range: bytes=0-299999\r\n");
    switch (++chunks) {
      case 1:
        return answer("308 Go on", "", "Range: bytes=0-262143\r\n");
      case 2:
        return answer("503 Busy", "");
      default:
        return answer("200 OK", kObject);
    }
  });
  const testing::Completion done = call("create", std::string(600'000, 'x'), {{"key", "k"}});
  EXPECT_EQ(done.status, CLEAT_OK) << done.text;
  EXPECT_EQ(server->count("PUT /upload/session?id=1 "), 4U);
  for (const char* range :
       {"bytes 0-262143/600000", "bytes 262144-524287/600000", "bytes 300000-562143/600000"})
    EXPECT_EQ(server->count("Content-Range: " + std::string(range) + "\r\n"), 1U) << range;
}

TEST_F(BucketTest, AnUploadThatDoesNotGoOnEnds) {
  run([](const Asked& asked) {
    return has(asked, "uploadType=resumable") ? answer("200 OK", "", "Location: /upload/session\r\n")
                                              : answer("503 Busy", "");
  });
  const testing::Completion done = call("create", std::string(600'000, 'x'), {{"key", "k"}});
  EXPECT_EQ(done.status, CLEAT_UNAVAILABLE);
  EXPECT_TRUE(done.is_retryable());
  EXPECT_EQ(done.text.find("gcp bucket binding error while uploading and closing: "), 0U) << done.text;
  EXPECT_EQ(server->count("PUT /upload/session"), 4U);
}

TEST_F(BucketTest, AnUploadWhoseSessionHasEndedMayBeTriedAgain) {
  run([](const Asked& asked) {
    return has(asked, "uploadType=resumable") ? answer("200 OK", "", "Location: /upload/session\r\n")
                                              : answer("410 Gone", "");
  });
  const testing::Completion done = call("create", std::string(600'000, 'x'), {{"key", "k"}});
  EXPECT_EQ(done.status, CLEAT_UNAVAILABLE);
  EXPECT_TRUE(done.is_retryable());
  EXPECT_EQ(server->count("PUT /upload/session"), 1U);
}

TEST_F(BucketTest, AnUploadThatIsCancelledDoesNotGoOn) {
  run([this](const Asked& asked) {
    if (has(asked, "uploadType=resumable")) return answer("200 OK", "", "Location: /upload/session\r\n");
    server->wait_for("never", 1);
    return std::string();
  });
  const auto& begun = driver.invoke("create", std::string(600'000, 'x'), {{"key", "k"}}, 60s);
  server->wait_for("Content-Range", 1);
  driver.cancel(1);
  EXPECT_TRUE(host.wait_until([&] { return host.completion(begun).done; }));
  EXPECT_EQ(host.completion(begun).status, CLEAT_CANCELLED);
}

TEST_F(BucketTest, AnObjectThatIsNotWholeIsNotSaidToBeThere) {
  run([](const Asked&) { return answer("200 OK", R"({"size":"2"})"); });
  EXPECT_EQ(call("create", "abc", {{"key", "k"}}).status, CLEAT_REMOTE);
  EXPECT_EQ(call("create", "ab", {{"key", "k"}}).status, CLEAT_OK);
}

TEST_F(BucketTest, WhatSomebodyElseAnswersIsNoSuccess) {
  run([](const Asked&) { return answer("200 OK", "<html>Please log in</html>"); });
  const testing::Completion named = call("create", "x", {{"key", "k"}});
  EXPECT_EQ(named.status, CLEAT_REMOTE);
  EXPECT_TRUE(named.is_retryable());
  EXPECT_NE(named.text.find("is the endpoint that of Cloud Storage?"), std::string::npos) << named.text;
  EXPECT_FALSE(call("create", "x", {}).is_retryable());
  for (const std::string operation : {"get", "delete"}) {
    const testing::Completion other = call(operation, "", {{"key", "k"}});
    EXPECT_EQ(other.status, CLEAT_REMOTE) << operation;
    EXPECT_TRUE(other.is_retryable()) << operation;
    EXPECT_NE(other.text.find("storage.objects." + operation + ": the answer is not what was expected"),
              std::string::npos)
        << other.text;
  }
}

TEST_F(BucketTest, APageOfSomebodyElseIsNoObjectOfABulkAndNoDeletion) {
  run([](const Asked& asked) {
    if (has(asked, "projection=full")) return answer("200 OK", R"({"items":[{"name":"a","size":"1"}]})");
    if (has(asked, "fields=generation")) return answer("200 OK", kObject);
    if (has(asked, "/rewriteTo/")) return answer("200 OK", R"({"done":true})");
    return answer("200 OK", "<html>Please log in</html>", "Content-Type: text/html\r\n");
  });
  EXPECT_EQ(call("bulkGet", "", {}).status, CLEAT_REMOTE);
  const testing::Completion moved = call("rename", R"({"newName":"b"})", {{"key", "a"}});
  EXPECT_EQ(moved.status, CLEAT_REMOTE);
  EXPECT_NE(moved.text.find("the copy box/b is there, and so, as far as is known, is the source"),
            std::string::npos)
      << moved.text;
}

TEST_F(BucketTest, AnUploadOfANameOfOursIsNotToBeTriedAgain) {
  run([](const Asked&) { return answer("500 Oh", ""); });
  EXPECT_FALSE(call("create", "x", {}).is_retryable());
  EXPECT_TRUE(call("create", "x", {{"key", "k"}}).is_retryable());
}

TEST_F(BucketTest, ConditionsGoWithTheRequest) {
  run([](const Asked&) {
    return answer("412 No", R"({"error":{"errors":[{"reason":"conditionNotMet"}]}})");
  });
  const Pairs metadata{{"key", "k"}, {"ifGenerationMatch", "0"}, {"ifMetagenerationMatch", "3"}};
  for (const char* operation : {"create", "get", "delete"}) {
    const testing::Completion done = call(operation, "x", metadata);
    EXPECT_EQ(done.status, CLEAT_CONFLICT) << operation;
    EXPECT_FALSE(done.is_retryable()) << operation;
  }
  EXPECT_EQ(server->count("ifGenerationMatch=0&ifMetagenerationMatch=3"), 3U);
}

TEST_F(BucketTest, AMoveTakesOneGenerationAndDeletesThatOne) {
  run([rewrites = 0](const Asked& asked) mutable {
    if (has(asked, "fields=generation")) return answer("200 OK", kObject);
    if (has(asked, "/rewriteTo/"))
      return ++rewrites == 1 ? answer("200 OK", R"({"done":false,"rewriteToken":"t/1"})")
                             : answer("200 OK", R"({"done":true})");
    return answer("204 No Content", "");
  });
  const testing::Completion done = call("move", R"({"destinationKey":"b/c"})", {{"key", "a"}});
  EXPECT_EQ(done.data, "object a moved to box/b/c");
  EXPECT_EQ(server->count("POST /storage/v1/b/box/o/a/rewriteTo/b/box/o/b%2Fc?ifSourceGenerationMatch=7 "),
            1U);
  EXPECT_EQ(server->count("?ifSourceGenerationMatch=7&rewriteToken=t%2F1 "), 1U);
  EXPECT_EQ(server->count("DELETE /storage/v1/b/box/o/a?ifGenerationMatch=7 "), 1U);
}

TEST_F(BucketTest, AMoveWhoseCopyFailsDeletesNothing) {
  run([](const Asked& asked) {
    if (has(asked, "fields=generation")) return answer("200 OK", kObject);
    return has(asked, "/rewriteTo/") ? answer("200 OK", R"({"done":false})") : answer("204 No Content", "");
  });
  EXPECT_EQ(call("move", R"({"destinationKey":"b"})", {{"key", "a"}}).status, CLEAT_REMOTE);
  EXPECT_EQ(server->count("DELETE "), 0U);
}

TEST_F(BucketTest, AMoveWhoseDeletionFailsSaysWhatIsWhere) {
  run([deletions = 0](const Asked& asked) mutable {
    if (has(asked, "fields=generation")) return answer("200 OK", kObject);
    if (has(asked, "/rewriteTo/")) return answer("200 OK", R"({"done":true})");
    return ++deletions == 1 ? answer("412 No", "")
           : deletions == 2 ? answer("503 Busy", "")
                            : answer("404 Gone", "");
  });
  const testing::Completion replaced = call("rename", R"({"newName":"b"})", {{"key", "a"}});
  EXPECT_EQ(replaced.status, CLEAT_CONFLICT);
  EXPECT_NE(replaced.text.find("the copy box/b is there, and another writer's object"), std::string::npos)
      << replaced.text;
  const testing::Completion busy = call("rename", R"({"newName":"b"})", {{"key", "a"}});
  EXPECT_TRUE(busy.is_retryable());
  EXPECT_NE(busy.text.find("so, as far as is known, is the source"), std::string::npos) << busy.text;
  EXPECT_EQ(call("rename", R"({"newName":"b"})", {{"key", "a"}}).data, "object a renamed to b");
}

TEST_F(BucketTest, ABulkGetLeavesOutWhatIsGone) {
  run([](const Asked& asked) {
    if (has(asked, "projection=full"))
      return answer("200 OK",
                    R"({"items":[{"name":"a","size":"1"},{"name":"b","size":"1"}],"nextPageToken":""})");
    if (has(asked, "/o/a?")) return answer("404 Not Found", "No such object");
    return answer("200 OK", std::string(has(asked, "/o/b?") ? 2 : 0, 'x'), kGeneration);
  });
  const std::string found = call("bulkGet", "", {}).data;
  EXPECT_EQ(found.find(R"([{"name":"b","data":"eHg=","attrs":{"Bucket":)"), 0U) << found;
}

TEST_F(BucketTest, ABulkGetAsDaprsIsOfTheWholeBucket) {
  driver.facts.emplace_back("strict-dapr", "true");
  run([](const Asked& asked) {
    if (!has(asked, "projection=full")) return answer("200 OK", "", kGeneration);
    if (has(asked, "pageToken=more")) return answer("200 OK", R"({"items":[{"name":"last","size":"0"}]})");
    std::string page = R"({"nextPageToken":"more","items":[)";
    for (int i = 0; i < 1'000; ++i)
      page += std::string(i == 0 ? "" : ",") + R"({"name":"a","size":"0"})";
    return answer("200 OK", page + "]}");
  });
  EXPECT_NE(call("bulkGet", "", {}).data.find("\"last\""), std::string::npos);
}

TEST_F(BucketTest, ABulkGetOfGrownObjectsEnds) {
  run([](const Asked& asked) {
    return has(asked, "projection=full")
               ? answer("200 OK", R"({"items":[{"name":"a","size":"1"},{"name":"b","size":"1"}]})")
               : answer("200 OK", std::string(600, 'x'), kGeneration);
  });
  EXPECT_EQ(call("bulkGet", "", {}).status, CLEAT_TOO_LARGE);
}

TEST_F(BucketTest, ACallIsAnsweredByItsDeadline) {
  run([this](const Asked&) {
    server->wait_for("never", 1);
    return std::string();
  });
  EXPECT_EQ(call("get", "", {{"key", "k"}}, 200ms).status, CLEAT_TIMEOUT);
}

TEST_F(BucketTest, AStopAnswersWhoWaits) {
  run([](const Asked& asked) {
    return has(asked, "uploadType=resumable") ? answer("200 OK", "", "Location: /upload/session\r\n")
                                              : answer("503 Busy", "", "Retry-After: 15\r\n");
  });
  const auto& begun = driver.invoke("create", std::string(600'000, 'x'), {{"key", "k"}}, 60s);
  server->wait_for("Content-Range", 1);
  EXPECT_EQ(driver.stop().status, CLEAT_OK);
  EXPECT_TRUE(host.wait_until([&] { return host.completion(begun).done; }));
  EXPECT_EQ(host.completion(begun).status, CLEAT_CANCELLED);
}

TEST_F(BucketTest, WhatCannotBeIsRefused) {
  run([](const Asked&) { return answer("200 OK", "{}"); });
  EXPECT_EQ(call("get", "", {}).text.find("gcp bucket binding error: can't read key value"), 0U);
  EXPECT_EQ(call("delete", "", {{"key", ".."}}).status, CLEAT_INVALID);
  EXPECT_EQ(call("rename", R"({"newName":"."})", {{"key", "a"}}).status, CLEAT_INVALID);
  EXPECT_EQ(call("sign", "", {{"key", "k"}}).text,
            "gcp bucket binding error: required metadata 'signTTL' missing");
  for (const char* ttl : {"never", "-1s", "169h"})
    EXPECT_EQ(call("sign", "", {{"key", "k"}, {"signTTL", ttl}}).status, CLEAT_INVALID) << ttl;
  for (const char* data : {"[]", "{", R"({"maxResults": -1})", R"({"prefix": 1})"})
    EXPECT_EQ(call("list", data, {}).status, CLEAT_INVALID) << data;
  EXPECT_EQ(call("bulkGet", R"({"prefix": 1})", {}).text,
            "gcp bucket binding error: invalid bulkGet payload: prefix: expected a text");
  EXPECT_EQ(call("create", "no base64", {{"key", "k"}, {"decodeBase64", "true"}}).status, CLEAT_INVALID);
  EXPECT_EQ(call("create", "x", {{"key", "k"}, {"contentType", "a\r\nX: y"}}).status, CLEAT_INVALID);
  EXPECT_EQ(call("presign", "", {{"key", "k"}}).text, "unsupported operation presign");
}

TEST_F(BucketTest, OnlyWhatIsMeantForTheObjectIsStoredWithIt) {
  run([](const Asked&) { return answer("200 OK", kObject); });
  EXPECT_EQ(
      call("create", "x", {{"key", "k"}, {"traceparent", "planted-trace"}, {"X-Goog-Meta-A", "1\""}}).status,
      CLEAT_OK);
  EXPECT_EQ(server->count(R"({"contentType":"application/octet-stream","metadata":{"a":"1\""}})"), 1U);
  EXPECT_EQ(server->count("planted-trace"), 0U);
}

TEST(Attributes, AreThoseOfGooglesClientForGo) {
  const std::string json =
      R"({"bucket":"b","name":"n","size":"5","crc32c":"AAAAAQ==","md5Hash":"m==","timeCreated":"2026-11-28T15:04:05.120Z",)"
      R"("metadata":{"k":"v"},"owner":{"entity":"user-x"},"acl":[{"entity":"allUsers","role":"READER"}],"temporaryHold":true})";
  EXPECT_EQ(
      attributes_of(common::parse_json(json)),
      R"({"Bucket":"b","Name":"n","ContentType":"","ContentLanguage":"","CacheControl":"","EventBasedHold":false,"TemporaryHold":true,)"
      R"("RetentionExpirationTime":"0001-01-01T00:00:00Z","ACL":[{"Entity":"allUsers","EntityID":"","Role":"READER","Domain":"","Email":"",)"
      R"("ProjectTeam":null}],"PredefinedACL":"","Owner":"user-x","Size":5,"ContentEncoding":"","ContentDisposition":"","MD5":"m==",)"
      R"("CRC32C":1,"MediaLink":"","Metadata":{"k":"v"},"Generation":0,"Metageneration":0,"StorageClass":"",)"
      R"("Created":"2026-11-28T15:04:05.12Z","Deleted":"0001-01-01T00:00:00Z","Updated":"0001-01-01T00:00:00Z",)"
      R"("CustomerKeySHA256":"","KMSKeyName":"","Prefix":"","Etag":"","CustomTime":"0001-01-01T00:00:00Z","ComponentCount":0})");
}

TEST(SignedUrl, SaysWhatIsSigned) {
  BucketConfig config;
  config.place.url = "https://storage.googleapis.com";
  config.bucket = "test-bucket";
  const auto at = std::chrono::system_clock::time_point(1549011600s);
  const UnsignedUrl made = unsigned_url(
      config, "test-object", "test-iam-credentials@dummy-project-id.iam.gserviceaccount.com", at, 10s);
  // As Google publishes it for its clients: "Simple GET".
  EXPECT_EQ(made.text,
            "GOOG4-RSA-SHA256\n20190201T090000Z\n20190201/auto/storage/goog4_request\n"
            "00e2fb794ea93d7adb703edaebdd509821fcc7d4f1a79ac5c8d2b394df109320");
  EXPECT_EQ(made.url,
            "https://storage.googleapis.com/test-bucket/"
            "test-object?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential="
            "test-iam-credentials%40dummy-project-id.iam.gserviceaccount.com%2F20190201%2Fauto%2Fstorage%"
            "2Fgoog4_request&"
            "X-Goog-Date=20190201T090000Z&X-Goog-Expires=10&X-Goog-SignedHeaders=host&X-Goog-Signature=");
}

TEST_F(BucketTest, AnOutageThatACallFoundEndsWithoutACall) {
  run([](const Asked&) { return answer("503 Oh", ""); });
  ASSERT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
  is_away = true;
  EXPECT_EQ(call("delete", "", {{"key", "a"}}).status, CLEAT_UNAVAILABLE);
  ASSERT_TRUE(host.wait_until([&] { return server->count("fields=kind ") >= 2; }));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
  is_away = false;
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
}

}  // namespace
}  // namespace cleat::bucket
