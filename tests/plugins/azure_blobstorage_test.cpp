#include <gtest/gtest.h>

#include <memory>

#include "blobstorage_binding.hpp"
#include "listing.hpp"
#include "plugins/fake_host.hpp"
#include "plugins/http_messages.hpp"

namespace cleat::blobstorage {
namespace {

using namespace std::chrono_literals;
using testing::answer;
using testing::Asked;
using testing::Pairs;
using testing::ScriptedServer;

class BlobTest : public ::testing::Test {
 protected:
  void run(std::function<std::string(const Asked&)> how, Pairs more = {}) {
    server = std::make_unique<ScriptedServer>([how = std::move(how)](ScriptedServer::Connection& connection) {
      while (const Asked asked = testing::read_request(connection))
        connection.write(asked.line.find("restype=container ") != std::string::npos
                             ? answer("201 Created", "")
                             : how(asked));
    });
    more.insert(more.end(), {{"accountName", "acct"},
                             {"accountKey", "cGxhbnRlZA=="},
                             {"endpoint", server->url()},
                             {"containerName", "box"},
                             {"blockSize", "65536"},
                             {"maxBlobSize", "1000"}});
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

  std::unique_ptr<ScriptedServer> server;
  testing::FakeHost host{testing::FakeHost::Clock::kSteady};
  const cleat_binding_type type = cleat::type<BlobStorageBinding>("bindings.azure.blobstorage");
  testing::Driver driver{host, type};
};

TEST_F(BlobTest, AnUploadThatBreaksOffMakesNoBlob) {
  run([blocks = 0](const Asked&) mutable {
    return ++blocks == 2 ? answer("500 Oh", "") : answer("201 Created", "");
  });
  const testing::Completion done = call("create", std::string(200'000, 'x'), {{"blobName", "b"}});
  EXPECT_EQ(done.status, CLEAT_UNAVAILABLE);
  EXPECT_TRUE(done.is_retryable());
  EXPECT_EQ(server->count("comp=block&"), 2U);
  EXPECT_EQ(server->count("comp=blocklist"), 0U);
}

TEST_F(BlobTest, WhatCameWithTheCallIsNoMetadataOfTheBlob) {
  run([](const Asked&) { return answer("201 Created", ""); });
  const Pairs metadata{{"blobName", "b"},
                       {"traceparent", "t"},
                       {"grpc-accept-encoding", "g"},
                       {"dapr-api-token", "planted"},
                       {"Mine", "x\r\ny"}};
  EXPECT_EQ(call("create", "data", metadata).status, CLEAT_OK);
  EXPECT_EQ(server->count("x-ms-meta-Mine: xy\r\n"), 1U);
  EXPECT_EQ(server->count("planted"), 0U);
  EXPECT_EQ(server->count("traceparent"), 0U);
}

TEST_F(BlobTest, ACallIsAnsweredByItsDeadline) {
  run([this](const Asked&) {
    server->wait_for("never", 1);
    return std::string();
  });
  EXPECT_EQ(call("get", "", {{"blobName", "b"}}, 200ms).status, CLEAT_TIMEOUT);
}

TEST_F(BlobTest, ABlobThatIsTooLargeIsNotTaken) {
  run([](const Asked&) { return answer("200 OK", std::string(1001, 'x')); });
  const testing::Completion done = call("get", "", {{"blobName", "b"}});
  EXPECT_EQ(done.status, CLEAT_TOO_LARGE);
  EXPECT_NE(done.text.find("maxBlobSize"), std::string::npos);
}

TEST_F(BlobTest, WhatCannotBeIsRefused) {
  run([](const Asked&) { return answer("201 Created", ""); });
  EXPECT_EQ(call("get", "", {}).text, "blobName is a required attribute");
  EXPECT_EQ(call("get", "", {{"blobName", "b"}, {"filePath", "/tmp/x"}}).status, CLEAT_UNSUPPORTED);
  EXPECT_EQ(call("delete", "", {{"blobName", "b"}, {"deleteSnapshots", "all"}}).status, CLEAT_INVALID);
  EXPECT_EQ(call("presign", "", {{"blobName", "b"}}).text,
            "signTTL is a required attribute for presign operations");
  EXPECT_EQ(call("create", "x", {{"blobName", "b"}, {"signTTL", "never"}}).status, CLEAT_INVALID);
  for (const char* data :
       {"[]", "{", R"({"maxResults": 5001})", R"({"prefix": 1})", R"({"include": {"copy": 1}})"})
    EXPECT_EQ(call("list", data, {}).status, CLEAT_INVALID) << data;
}

TEST(Listing, HasTheNamesOfAzuresClient) {
  const Response response = answer_of_list(
      "<EnumerationResults><Blobs><Blob><Name>a &amp; b</Name><Properties><Content-Length>5</Content-Length>"
      "<Content-MD5 /><Etag>0x1</Etag></Properties><Metadata><k>v</k></Metadata></Blob></Blobs>"
      "<NextMarker>next</NextMarker></EnumerationResults>");
  EXPECT_EQ(
      response.data.view(),
      R"([{"Name":"a & b","Properties":{"ContentLength":5,"ContentMD5":null,"Etag":"0x1"},"Metadata":{"k":"v"}}])");
  EXPECT_EQ(response.metadata[0].second, "next");
  EXPECT_THROW(answer_of_list("<html/>"), Error);
}

}  // namespace
}  // namespace cleat::blobstorage
