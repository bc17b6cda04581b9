#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "line.hpp"
#include "plugins/fake_host.hpp"
#include "sink_binding.hpp"

namespace cleat::sink {
namespace {

using testing::Completion;
using testing::Driver;
using testing::FakeHost;

TEST(SinkLine, LeavesBlanksOutOfJson) {
  EXPECT_EQ(compact(" {\n  \"a\": [1, 2],\r\n\t\"b\": {}\n}\n"), R"({"a":[1,2],"b":{}})");
  EXPECT_EQ(compact("[1, 2]"), "[1,2]");
}

TEST(SinkLine, KeepsBlanksInStrings) {
  EXPECT_EQ(compact(R"({"a b": "c \" d", "e": "\\" })"), R"({"a b":"c \" d","e":"\\"})");
  EXPECT_EQ(compact("[\"a\tb\nc\"]"), R"(["a\u0009b\u000ac"])");
}

TEST(SinkLine, KeepsWhatIsNoObjectOrArray) {
  EXPECT_EQ(compact("two words\nand a line"), R"(two words\u000aand a line)");
  EXPECT_EQ(compact("17"), "17");
  EXPECT_EQ(compact(""), "");
  EXPECT_EQ(compact(" \n"), R"( \u000a)");
  EXPECT_EQ(compact(std::string("\0\xff", 2)), "\\u0000\xff");
}

TEST(SinkLine, SortsMetadata) {
  const testing::Pairs pairs{{"b", "2"}, {"a", "say \"hi\"\\\n"}, {"c", ""}, {"a", "again"}};
  EXPECT_EQ(to_json(testing::MapOf(pairs).map()), R"({"a":"say \"hi\"\\\u000a","a":"again","b":"2","c":""})");
  EXPECT_EQ(to_json({}), "{}");
}

class SinkTest : public ::testing::Test {
 protected:
  SinkTest() {
    std::string folder = (std::filesystem::temp_directory_path() / "sink.XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = folder;
  }
  ~SinkTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  void run(testing::Pairs metadata = {}) {
    metadata.emplace_back("file", file());
    ASSERT_EQ(driver.create().status, CLEAT_OK);
    ASSERT_EQ(driver.init(metadata).status, CLEAT_OK);
    ASSERT_EQ(driver.start().status, CLEAT_OK);
  }
  [[nodiscard]] std::string file() const { return folder_ / "lines"; }
  [[nodiscard]] std::string text() const {
    std::ifstream in(file());
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path folder_;
  FakeHost host;
  const cleat_binding_type type = cleat::type<SinkBinding>("bindings.sink");
  Driver driver{host, type};
};

TEST_F(SinkTest, AppendsALineBeforeItAnswers) {
  std::ofstream(file()) << "before\n";
  run();
  const Completion& call = driver.invoke("create", R"({"n": 7})", {{"key", "k"}, {"cleat-event-id", "7"}});
  EXPECT_EQ(call.times, 1U);
  EXPECT_EQ(call.status, CLEAT_OK);
  EXPECT_FALSE(call.has_response);
  driver.invoke("create", "");
  EXPECT_EQ(text(), "before\n{\"n\":7}\t{\"cleat-event-id\":\"7\",\"key\":\"k\"}\n\t{}\n");
}

TEST_F(SinkTest, OffersCreateOnly) {
  run();
  const Completion& call = driver.invoke("get", "data");
  EXPECT_EQ(call.status, CLEAT_UNSUPPORTED);
  EXPECT_EQ(call.text, "bindings.sink offers create");
  EXPECT_EQ(text(), "");
}

TEST_F(SinkTest, IsDownWhileTheFileIsThere) {
  run({{"down", folder_ / "down"}});
  std::ofstream(folder_ / "down").put('\n');
  const Completion& refused = driver.invoke("create", "1");
  EXPECT_EQ(refused.status, CLEAT_UNAVAILABLE);
  std::filesystem::remove(folder_ / "down");
  EXPECT_EQ(driver.invoke("create", "2").status, CLEAT_OK);
  EXPECT_EQ(text(), "2\t{}\n");
}

TEST_F(SinkTest, RefusesWhatIsTooLarge) {
  run({{"maxBytes", "4"}});
  EXPECT_EQ(driver.invoke("create", "1234").status, CLEAT_OK);
  const Completion& call = driver.invoke("create", "12345");
  EXPECT_EQ(call.status, CLEAT_TOO_LARGE);
  EXPECT_EQ(call.text, "maxBytes: 5 bytes of data, allowed are 4");
  EXPECT_EQ(text(), "1234\t{}\n");
}

TEST_F(SinkTest, AFullDiskFailsTheCall) {
  ASSERT_EQ(driver.create().status, CLEAT_OK);
  ASSERT_EQ(driver.init({{"file", "/dev/full"}}).status, CLEAT_OK);
  ASSERT_EQ(driver.start().status, CLEAT_OK);
  EXPECT_EQ(driver.invoke("create", "data").status, CLEAT_UNAVAILABLE);
}

TEST_F(SinkTest, FolderThatIsMissingFailsTheStart) {
  ASSERT_EQ(driver.create().status, CLEAT_OK);
  ASSERT_EQ(driver.init({{"file", folder_ / "none" / "lines"}}).status, CLEAT_OK);
  const testing::Outcome outcome = driver.start();
  EXPECT_EQ(outcome.status, CLEAT_INVALID);
  EXPECT_NE(outcome.text.find("No such file or directory; give a path in a folder that exists"),
            std::string::npos);
}

}  // namespace
}  // namespace cleat::sink
