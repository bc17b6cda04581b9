#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

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

/// By which an answer of Azure's is known.
constexpr const char* kSign = "x-ms-request-id: r-1\r\n";

class BlobTest : public ::testing::Test {
 protected:
  void run(std::function<std::string(const Asked&)> how, Pairs more = {}) {
    server = std::make_unique<ScriptedServer>([how = std::move(how)](ScriptedServer::Connection& connection) {
      while (const Asked asked = testing::read_request(connection))
        connection.write(asked.line.find("restype=container ") != std::string::npos
                             ? answer("201 Created", "")
                             : how(asked));
    });
    start(std::move(more));
  }
  void start(Pairs more) {
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

TEST_F(BlobTest, ABadTimeIsSaidAndEndsByItself) {
  const auto left = std::make_shared<std::atomic<int>>(3);
  run([left](const Asked&) {
    constexpr std::array<const char*, 3> kStatus{"403 Forbidden", "429 Too Many Requests", "503 Server Busy"};
    if (*left == 0) return answer("200 OK", "bytes", kSign);
    return answer(kStatus.at(static_cast<std::size_t>(--*left)), "",
                  "x-ms-request-id: r-9\r\nx-ms-error-code: Any\r\nRetry-After: 7\r\n");
  });
  for (const auto& [status, is_retryable] : std::vector<std::pair<cleat_status, bool>>{
           {CLEAT_THROTTLED, true}, {CLEAT_THROTTLED, true}, {CLEAT_DENIED, false}}) {
    const testing::Completion done = call("get", "", {{"blobName", "b"}});
    EXPECT_EQ(done.status, status) << done.text;
    EXPECT_EQ(done.is_retryable(), is_retryable) << done.text;
    EXPECT_EQ(done.retry_after_ms, 7000U);
    EXPECT_NE(done.text.find("(request id r-9)"), std::string::npos) << done.text;
    EXPECT_NE(host.health().first, CLEAT_HEALTH_UP);
  }
  EXPECT_EQ(call("get", "", {{"blobName", "b"}}).data, "bytes");
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
}

TEST_F(BlobTest, ABlobThatBreaksOffIsNone) {
  server = std::make_unique<ScriptedServer>([](ScriptedServer::Connection& connection) {
    while (const Asked asked = testing::read_request(connection)) {
      if (asked.line.find("restype=container ") != std::string::npos) {
        connection.write(answer("201 Created", ""));
        continue;
      }
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it");
      return;
    }
  });
  start({});
  const testing::Completion done = call("get", "", {{"blobName", "b"}});
  EXPECT_EQ(done.status, CLEAT_UNAVAILABLE) << done.text;
  EXPECT_TRUE(done.is_retryable());
  EXPECT_EQ(done.data, "");
  const testing::Completion all = call("bulkGet", R"({"items":[{"blobName":"b"}]})", {});
  EXPECT_NE(all.data.find("\"error\""), std::string::npos) << all.data;
  EXPECT_EQ(all.data.find("\"data\""), std::string::npos) << all.data;
}

TEST_F(BlobTest, ABlobThatComesTooSlowlyEndsWithTheCall) {
  server = std::make_unique<ScriptedServer>([this](ScriptedServer::Connection& connection) {
    while (const Asked asked = testing::read_request(connection)) {
      if (asked.line.find("restype=container ") != std::string::npos) {
        connection.write(answer("201 Created", ""));
        continue;
      }
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it");
      server->wait_for("never", 1);
    }
  });
  start({});
  EXPECT_EQ(call("get", "", {{"blobName", "b"}}, 500ms).status, CLEAT_TIMEOUT);
}

TEST_F(BlobTest, WhatCannotBeIsRefused) {
  run([](const Asked&) { return answer("201 Created", ""); });
  EXPECT_EQ(call("get", "", {}).text, "blobName is a required attribute");
  EXPECT_EQ(call("get", "", {{"filePath", "f"}}).text, "blobName is a required attribute");
  EXPECT_EQ(call("delete", "", {{"blobName", "b"}, {"deleteSnapshots", "all"}}).status, CLEAT_INVALID);
  EXPECT_EQ(call("presign", "", {{"blobName", "b"}}).text,
            "signTTL is a required attribute for presign operations");
  EXPECT_EQ(call("create", "x", {{"blobName", "b"}, {"signTTL", "never"}}).status, CLEAT_INVALID);
  for (const char* data :
       {"[]", "{", R"({"maxResults": 5001})", R"({"prefix": 1})", R"({"include": {"copy": 1}})"})
    EXPECT_EQ(call("list", data, {}).status, CLEAT_INVALID) << data;
}

TEST_F(BlobTest, EachBlobOfABulkHasItsOwnAnswer) {
  run([](const Asked& asked) {
    if (asked.line.find("/missing ") != std::string::npos)
      return answer("404 Not Found", "", "x-ms-error-code: BlobNotFound\r\n");
    if (asked.line.rfind("DELETE ", 0) == 0) return answer("202 Accepted", "");
    return answer(asked.line.rfind("PUT ", 0) == 0 ? "201 Created" : "200 OK", "hello", kSign);
  });
  testing::Completion done =
      call("bulkGet", R"({"items":[{"blobName":"a"},{"blobName":"missing"},{},{"blobName":"b"}]})", {});
  EXPECT_EQ(done.status, CLEAT_OK) << done.text;
  EXPECT_EQ(done.data.rfind(
                R"([{"blobName":"a","data":"aGVsbG8="},{"blobName":"missing","error":"blob not found)", 0),
            0U)
      << done.data;
  EXPECT_NE(done.data.find(R"({"blobName":"","error":"blobName is a required attribute"},{"blobName":"b",)"),
            std::string::npos)
      << done.data;
  EXPECT_EQ(done.header("number"), "4");
  done =
      call("bulkCreate",
           R"({"items":[{"blobName":"a","data":"x","contentType":"text\r\n/plain"}],"concurrency":1})", {});
  EXPECT_EQ(done.data, R"([{"blobName":"a","blobURL":")" + server->url() + R"(/acct/box/a"}])");
  EXPECT_EQ(server->count("x-ms-blob-content-type: text/plain\r\n"), 1U);
  done = call("bulkDelete", R"({"blobNames":["a","b"],"deleteSnapshots":"include"})", {});
  EXPECT_EQ(done.data, R"([{"blobName":"a"},{"blobName":"b"}])");
  EXPECT_EQ(server->count("x-ms-delete-snapshots: include\r\n"), 2U);
}

TEST_F(BlobTest, WhatSomebodyElseAnswersIsNoSuccess) {
  run([](const Asked&) {
    return answer("200 OK", "<html>Please log in</html>", "x-ms-request-id: r-7\r\n");
  });
  const testing::Completion put = call("create", "x", {{"blobName", "b"}});
  EXPECT_EQ(put.status, CLEAT_REMOTE);
  EXPECT_TRUE(put.is_retryable());
  EXPECT_NE(put.text.find("Put Blob: expected HTTP 201, found HTTP 200"), std::string::npos) << put.text;
  EXPECT_NE(put.text.find("(request id r-7)"), std::string::npos) << put.text;
  EXPECT_EQ(call("create", std::string(200'000, 'x'), {{"blobName", "b"}}).status, CLEAT_REMOTE);
  EXPECT_EQ(call("delete", "", {{"blobName", "b"}}).status, CLEAT_REMOTE);
  EXPECT_NE(call("bulkDelete", R"({"blobNames":["a"]})", {}).data.find("\"error\""), std::string::npos);
  EXPECT_NE(call("bulkCreate", R"({"items":[{"blobName":"a","data":"x"}]})", {}).data.find("\"error\""),
            std::string::npos);
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
}

TEST_F(BlobTest, WhatNoHeaderOfAzuresComesWithIsNoBlob) {
  run([](const Asked&) { return answer("200 OK", "<html>Please log in</html>", "ETag: \"page\"\r\n"); });
  const testing::Completion got = call("get", "", {{"blobName", "b"}});
  EXPECT_EQ(got.status, CLEAT_REMOTE);
  EXPECT_TRUE(got.is_retryable());
  EXPECT_NE(got.text.find("Get Blob: expected a header of Azure's (x-ms-...), found none"), std::string::npos)
      << got.text;
  const testing::Completion bulk = call("bulkGet", R"({"items":[{"blobName":"a"}]})", {});
  EXPECT_NE(bulk.data.find("expected a header of Azure's"), std::string::npos) << bulk.data;
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
}

std::string page_of(int blobs, const std::string& next) {
  std::string out = "<EnumerationResults><Blobs>";
  for (int i = 0; i < blobs; ++i)
    out += "<Blob><Name>a</Name></Blob>";
  return out + "</Blobs><NextMarker>" + next + "</NextMarker></EnumerationResults>";
}

/// A listing may end a page wherever it likes.
TEST_F(BlobTest, APrefixIsAllOfItsPages) {
  run([](const Asked& asked) {
    if (asked.line.find("comp=list") == std::string::npos) return answer("202 Accepted", "");
    return answer("200 OK", asked.line.find("&marker=more ") == std::string::npos ? page_of(1, "more")
                                                                                  : page_of(2, ""));
  });
  EXPECT_EQ(call("bulkDelete", R"({"prefix":"a"})", {}).status, CLEAT_OK);
  EXPECT_EQ(server->count("DELETE "), 3U);
}

TEST_F(BlobTest, ABulkHasItsBounds) {
  run([](const Asked& asked) {
    return asked.line.find("comp=list") != std::string::npos ? answer("200 OK", page_of(4'000, "more"))
                                                             : answer("200 OK", std::string(600, 'x'), kSign);
  });
  const testing::Completion read = call("bulkGet", R"({"items":[{"blobName":"a"},{"blobName":"b"}]})", {});
  EXPECT_EQ(read.status, CLEAT_OK);
  EXPECT_NE(read.data.find("maxBlobSize"), std::string::npos);
  EXPECT_NE(read.data.find("data"), std::string::npos);
  EXPECT_EQ(call("bulkDelete", R"({"prefix":"a"})", {}).status, CLEAT_TOO_LARGE);
  EXPECT_EQ(server->count("DELETE "), 0U);
  std::string many = R"({"blobNames":["a")";
  for (int i = 0; i < 5000; ++i)
    many += ",\"a\"";
  EXPECT_EQ(call("bulkDelete", many + "]}", {}).status, CLEAT_TOO_LARGE);
}

TEST_F(BlobTest, ABulkIsAnsweredByItsDeadline) {
  run([this](const Asked&) {
    server->wait_for("never", 1);
    return std::string();
  });
  EXPECT_EQ(call("bulkGet", R"({"items":[{"blobName":"a"},{"blobName":"b"}]})", {}, 200ms).status,
            CLEAT_TIMEOUT);
}

TEST_F(BlobTest, WhatCannotBeABulkIsRefused) {
  run([](const Asked&) { return answer("200 OK", ""); });
  const auto text = [this](const char* operation, const char* data) {
    return call(operation, data, {}).text;
  };
  EXPECT_EQ(text("bulkGet", "{}"), "at least one of items or prefix is required");
  EXPECT_EQ(text("bulkGet", R"({"items":[]})"), "items array must not be empty");
  EXPECT_EQ(text("bulkGet", R"({"prefix":"a"})"), "destinationDir is required when using prefix");
  EXPECT_EQ(text("bulkCreate", R"({"items":[]})"), "items array must not be empty");
  EXPECT_EQ(text("bulkDelete", R"({"blobNames":[]})"), "at least one of prefix or blobNames is required");
  EXPECT_EQ(text("bulkDelete", R"({"prefix":"a","concurrency":0})"), "concurrency must be greater than 0");
  for (const char* data : {"", "[]", R"({"items":1})", R"({"items":[{"blobName":1}]})",
                           R"({"items":[{"blobName":"a"}],"destinationDir":"x"})"})
    EXPECT_NE(call("bulkGet", data, {}).status, CLEAT_OK) << data;
  EXPECT_EQ(server->count("/acct/box/"), 0U);
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

TEST_F(BlobTest, AnOutageThatACallFoundEndsWithoutACall) {
  std::atomic<bool> is_away = false;
  server = std::make_unique<ScriptedServer>([&is_away](ScriptedServer::Connection& connection) {
    while (const Asked asked = testing::read_request(connection)) {
      const bool is_made = asked.line.rfind("PUT ", 0) == 0;
      connection.write(is_away ? answer("503 Server Busy", "")
                               : answer(is_made ? "201 Created" : "200 OK", "", "x-ms-request-id: r-1\r\n"));
    }
  });
  start({});
  ASSERT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
  is_away = true;
  EXPECT_EQ(call("get", "", {{"blobName", "b"}}).status, CLEAT_THROTTLED);
  ASSERT_TRUE(host.wait_until([&] { return server->count("GET /acct/box?restype=container ") >= 1; }));
  EXPECT_EQ(host.health().first, CLEAT_HEALTH_DOWN);
  is_away = false;
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
  EXPECT_EQ(server->count("GET /acct/box/b "), 1U);
  server.reset();
}

TEST_F(BlobTest, AnAccountThatWasAwayAtTheStartIsWellAgainAlsoForWhoMayNotMakeContainers) {
  std::atomic<bool> is_away = true;
  server = std::make_unique<ScriptedServer>([&is_away](ScriptedServer::Connection& connection) {
    while (testing::read_request(connection)) {
      connection.write(is_away ? answer("503 Server Busy", "")
                               : answer("403 Forbidden", "", "x-ms-error-code: AuthorizationFailure\r\n"));
    }
  });
  start({});
  ASSERT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_DOWN; }));
  is_away = false;
  EXPECT_TRUE(host.wait_until([&] { return host.health().first == CLEAT_HEALTH_UP; }));
  server.reset();
}

}  // namespace
}  // namespace cleat::blobstorage
