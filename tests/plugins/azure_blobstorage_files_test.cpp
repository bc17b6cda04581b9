#include <gtest/gtest.h>

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "blobstorage_binding.hpp"
#include "plugins/fake_host.hpp"
#include "plugins/http_messages.hpp"

namespace cleat::blobstorage {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using testing::answer;
using testing::Asked;
using testing::Pairs;
using testing::ScriptedServer;

/// By which an answer of Azure's is known.
constexpr const char* kSign = "x-ms-request-id: r-1\r\n";

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t at = text.find(begin);
  if (at == std::string::npos) return {};
  const std::size_t from = at + begin.size();
  return text.substr(from, text.find(end, from) - from);
}

/// A container in memory: what there is can be read whole and in parts, and listed.
class BlobFilesTest : public ::testing::Test {
 protected:
  BlobFilesTest() {
    std::string name = (fs::temp_directory_path() / "cleat-blobs-XXXXXX").string();
    base = ::mkdtemp(name.data());
    fs::create_directory(base / "in");
  }
  ~BlobFilesTest() override { fs::remove_all(base); }

  void start(const Pairs& more = {}) {
    Pairs fields{{"accountName", "acct"},
                 {"accountKey", "cGxhbnRlZA=="},
                 {"endpoint", server.url()},
                 {"containerName", "box"},
                 {"blockSize", "65536"},
                 {"maxBlobSize", "1000"},
                 {"fileFolder", (base / "in").string()}};
    fields.insert(fields.begin(), more.begin(), more.end());
    ASSERT_EQ(driver.create().status, CLEAT_OK);
    const testing::Outcome init = driver.init(fields, CLEAT_OUT);
    ASSERT_EQ(init.status, CLEAT_OK) << init.text;
    ASSERT_EQ(driver.start().status, CLEAT_OK);
  }
  testing::Completion call(const std::string& operation, const std::string& data, const Pairs& metadata,
                           std::chrono::nanoseconds limit = 20s) {
    const auto& begun = driver.invoke(operation, data, metadata, limit);
    EXPECT_TRUE(wait([&] { return host.completion(begun).done; }));
    return host.completion(begun);
  }
  /// While the pool of the host works.
  bool wait(const std::function<bool()>& done) {
    return host.wait_until([&] {
      host.run_due();
      return done();
    });
  }
  std::string text_of(const std::string& name) const {
    std::ifstream file(base / "in" / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(base / "in" / name) << text;
  }
  /// Below everything.
  std::vector<std::string> files() const {
    std::vector<std::string> found;
    for (const auto& each : fs::recursive_directory_iterator(base)) {
      if (each.is_regular_file()) found.push_back(fs::relative(each.path(), base).string());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  std::string serve(const Asked& asked) {
    if (is_silent) server.wait_for("go on", 1);
    const std::lock_guard lock(mutex);
    if (asked.line.rfind("PUT ", 0) == 0) return answer("201 Created", "", "ETag: \"new\"\r\n");
    if (asked.line.find("comp=list") != std::string::npos) {
      std::string list = "<EnumerationResults><Blobs>";
      for (const auto& [name, bytes] : blobs)
        list += "<Blob><Name>" + name + "</Name></Blob>";
      return answer("200 OK", list + "</Blobs><NextMarker/></EnumerationResults>");
    }
    const auto found = blobs.find(between(asked.line, "/acct/box/", " "));
    if (found == blobs.end()) return answer("404 no", "", "x-ms-error-code: BlobNotFound\r\n");
    if (asked.line.rfind("HEAD ", 0) == 0)
      return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(found->second.size()) +
             "\r\nETag: \"one\"\r\nContent-Type: text/csv\r\nx-ms-meta-colour: blue\r\n\r\n";
    if (is_changed) return answer("412 no", "", "x-ms-error-code: ConditionNotMet\r\n");
    const std::string range = between(asked.head, "x-ms-range: bytes=", "\r\n");
    if (range.empty()) return answer("200 OK", found->second, kSign);
    const std::size_t from = std::stoul(range), to = std::stoul(range.substr(range.find('-') + 1));
    return answer("206 Partial", found->second.substr(from, to + 1 - from), kSign);
  }

  fs::path base;
  std::mutex mutex;
  std::map<std::string, std::string> blobs;  ///< by their encoded names
  bool is_changed = false, is_silent = false;
  testing::FakeHost host{testing::FakeHost::Clock::kSteady};
  ScriptedServer server{[this](ScriptedServer::Connection& connection) {
    while (const Asked asked = testing::read_request(connection))
      connection.write(asked.line.find("restype=container ") != std::string::npos ? answer("201 Created", "")
                                                                                  : serve(asked));
  }};
  const cleat_binding_type type = cleat::type<BlobStorageBinding>("bindings.azure.blobstorage");
  testing::Driver driver{host, type};
};

TEST_F(BlobFilesTest, ABlobGoesToAFileInPartsHoweverLargeItIs) {
  std::string large;
  while (large.size() < 150'000)
    large += std::to_string(large.size()) + "\n";
  blobs = {{"large", large}, {"empty", ""}};
  start();
  testing::Completion done =
      call("get", "", {{"blobName", "large"}, {"filePath", "f"}, {"includeMetadata", "true"}});
  ASSERT_EQ(done.status, CLEAT_OK) << done.text;
  EXPECT_EQ(done.data, "");
  EXPECT_EQ(done.header("filePath"), "f");
  EXPECT_EQ(done.header("Colour"), "blue");
  EXPECT_EQ(done.header("ETag"), "\"one\"");
  EXPECT_EQ(text_of("f"), large);
  EXPECT_EQ(server.count("x-ms-range: bytes="), 3U);
  EXPECT_EQ(server.count("If-Match: \"one\""), 3U);
  done = call("get", "", {{"blobName", "empty"}, {"filePath", (base / "in/f").string()}});
  ASSERT_EQ(done.status, CLEAT_OK) << done.text;
  EXPECT_EQ(text_of("f"), "");
  EXPECT_EQ(files(), std::vector<std::string>{"in/f"});
}

TEST_F(BlobFilesTest, WhatDoesNotArriveLeavesTheOldFile) {
  blobs = {{"a", "new"}};
  put("f", "old");
  start();
  EXPECT_EQ(call("get", "", {{"blobName", "none"}, {"filePath", "f"}}).text.rfind("blob not found", 0), 0U);
  is_changed = true;
  const testing::Completion done = call("get", "", {{"blobName", "a"}, {"filePath", "f"}});
  EXPECT_NE(done.text.find("ConditionNotMet"), std::string::npos) << done.text;
  EXPECT_EQ(text_of("f"), "old");
  EXPECT_TRUE(wait([&] { return files() == std::vector<std::string>{"in/f"}; }));
}

TEST_F(BlobFilesTest, NoPathLeadsOutOfTheFolder) {
  blobs = {{"a", "new"}};
  std::ofstream(base / "out") << "mine";
  start();
  for (const char* path : {"../out", "/etc/cleat"}) {
    EXPECT_EQ(call("get", "", {{"blobName", "a"}, {"filePath", path}}).status, CLEAT_DENIED) << path;
    const std::string item = R"({"items":[{"blobName":"b","sourcePath":")" + std::string(path) + "\"}]}";
    EXPECT_NE(call("bulkCreate", item, {}).data.find("\"error\":\"file read error"), std::string::npos);
  }
  EXPECT_EQ(server.count("PUT /acct/box/"), 0U);
  EXPECT_EQ(files(), std::vector<std::string>{"out"});
}

TEST_F(BlobFilesTest, BlobsOfAPrefixGoBelowTheFolderThatTheyAreFor) {
  blobs = {{"p/a", "1"}, {"p/b/c", "2"}, {"../x", "3"}, {"p/../../y", "4"}, {"p//z", "5"}, {"p/", ""}};
  start();
  const testing::Completion done = call("bulkGet", R"({"prefix":"p","destinationDir":"to/here"})", {});
  ASSERT_EQ(done.status, CLEAT_OK) << done.text;
  EXPECT_EQ(files(), (std::vector<std::string>{"in/to/here/p/a", "in/to/here/p/b/c"}));
  EXPECT_EQ(text_of("to/here/p/b/c"), "2");
  EXPECT_NE(done.data.find(R"({"blobName":"p/a","filePath":"to/here/p/a"})"), std::string::npos) << done.data;
  std::size_t errors = 0;
  for (std::size_t at = 0; (at = done.data.find("\"error\":\"file write error", at)) != std::string::npos;
       ++at)
    ++errors;
  EXPECT_EQ(errors, 4U) << done.data;
  EXPECT_EQ(done.header("number"), "6");
}

TEST_F(BlobFilesTest, ABulkTakesFilesAndDataTogether) {
  blobs = {{"a", "1"}, {"b", std::string(5000, 'x')}};
  start();
  const testing::Completion done = call(
      "bulkGet",
      R"({"items":[{"blobName":"a"},{"blobName":"b","filePath":"f"},{"blobName":"c","filePath":"g"}]})", {});
  EXPECT_EQ(
      done.data.rfind(
          R"([{"blobName":"a","data":"MQ=="},{"blobName":"b","filePath":"f"},{"blobName":"c","error":"blob not found)",
          0),
      0U)
      << done.data;
  EXPECT_EQ(text_of("f"), std::string(5000, 'x'));
  EXPECT_EQ(files(), std::vector<std::string>{"in/f"});
}

TEST_F(BlobFilesTest, AFileBecomesABlobInBlocksIfItIsLarge) {
  put("large", std::string(70'000, 'x'));
  put("small", "hello");
  start();
  const testing::Completion done = call(
      "bulkCreate",
      R"({"items":[{"blobName":"l","sourcePath":"large","contentType":"text/plain"},{"blobName":"s","sourcePath":"small"},)"
      R"({"blobName":"n","sourcePath":"none"},{"blobName":"both","sourcePath":"small","data":"x"}]})",
      {});
  ASSERT_EQ(done.status, CLEAT_OK) << done.text;
  EXPECT_EQ(server.count("comp=block&"), 2U);
  EXPECT_EQ(server.count("comp=blocklist"), 1U);
  EXPECT_EQ(server.count("x-ms-blob-content-type: text/plain"), 1U);
  EXPECT_EQ(server.count("\r\n\r\nhello"), 1U);
  EXPECT_NE(done.data.find(R"("blobName":"n","error":"file read error: 'none': No such file)"),
            std::string::npos)
      << done.data;
  EXPECT_NE(done.data.find(R"("blobName":"both","error":"expected data or sourcePath)"), std::string::npos);
}

TEST_F(BlobFilesTest, ACallThatWaitsForAFileEndsAtItsDeadlineAndWhenItIsCancelled) {
  blobs = {{"a", "new"}};
  start();
  const auto& late = driver.invoke("get", "", {{"blobName", "a"}, {"filePath", "f"}}, 300ms);
  EXPECT_TRUE(host.wait_until([&] { return host.completion(late).done; }));
  EXPECT_EQ(host.completion(late).status, CLEAT_TIMEOUT);
  const std::size_t before = host.posted();
  const auto& bulk = driver.invoke("bulkGet", R"({"items":[{"blobName":"a","filePath":"g"}]})", {}, 10min);
  EXPECT_TRUE(host.wait_until([&] { return host.posted() > before; }));
  driver.cancel(2);
  EXPECT_TRUE(host.wait_until([&] { return host.completion(bulk).done; }));
  EXPECT_EQ(host.completion(bulk).status, CLEAT_CANCELLED);
  // The pool comes back to what nobody waits for any more.
  EXPECT_EQ(call("get", "", {{"blobName", "a"}, {"filePath", "h"}}).status, CLEAT_OK);
  EXPECT_TRUE(wait([&] { return files() == std::vector<std::string>{"in/h"}; }));
  EXPECT_EQ(server.count("x-ms-range"), 1U);
}

TEST_F(BlobFilesTest, ACallIsAnsweredOnceWhenTransferAndFileAreLate) {
  is_silent = true;
  start();
  const testing::Completion done = call("get", "", {{"blobName", "a"}, {"filePath", "f"}}, 300ms);
  EXPECT_EQ(done.status, CLEAT_TIMEOUT);
  const testing::Completion bulk =
      call("bulkGet", R"({"items":[{"blobName":"a","filePath":"f"}]})", {}, 300ms);
  EXPECT_EQ(bulk.status, CLEAT_TIMEOUT);
  server.note("go on");
  driver.stop();
  EXPECT_EQ(done.times, 1);
  EXPECT_EQ(bulk.times, 1);
}

TEST_F(BlobFilesTest, AStopEndsWhatWaitsForAFile) {
  blobs = {{"a", "new"}};
  start();
  const auto& waiting = driver.invoke("get", "", {{"blobName", "a"}, {"filePath", "f"}}, 10min);
  EXPECT_TRUE(host.wait_until([&] { return host.posted() >= 1; }));
  driver.stop();
  EXPECT_EQ(host.completion(waiting).status, CLEAT_CANCELLED);
  EXPECT_EQ(host.completion(waiting).times, 1);
}

TEST_F(BlobFilesTest, WhatABulkReadsAtOnceHoldsNoMoreThanOneBlobMay) {
  for (int i = 0; i < 3; ++i)
    blobs.emplace("b" + std::to_string(i), std::string(300, 'x'));
  blobs.emplace("small", "1");
  start();
  const testing::Completion done =
      call("bulkGet",
           R"({"items":[{"blobName":"b0"},{"blobName":"b1"},{"blobName":"small"},{"blobName":"b2"}]})", {});
  EXPECT_EQ(done.data.find("error"), std::string::npos) << done.data;
  // Each needs more than a quarter of maxBlobSize, so it comes again, alone.
  EXPECT_EQ(server.count("GET /acct/box/b"), 6U);
  EXPECT_EQ(server.count("GET /acct/box/small"), 1U);
}

TEST_F(BlobFilesTest, AFolderIsGivenAsAWholePath) {
  ASSERT_EQ(driver.create().status, CLEAT_OK);
  EXPECT_EQ(driver.init({{"accountName", "a"}, {"containerName", "b"}, {"fileFolder", "in"}}, CLEAT_OUT).text,
            "fileFolder: expected an absolute path, found 'in'");
}

}  // namespace
}  // namespace cleat::blobstorage
