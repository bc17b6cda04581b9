#include "plugins/fake_host.hpp"
#include "plugins/localstorage_fixture.hpp"

namespace cleat::localstorage {
namespace {

using testing::Completion;
using testing::Driver;
using testing::FakeHost;
using testing::Pairs;

/// The plugin as the host drives it. What it wrote is judged by the file system.
class LocalStorageTest : public ::testing::Test {
 protected:
  void start(Pairs fields = {}) {
    fields.emplace_back("rootPath", place.root().string());
    ASSERT_EQ(driver.create().status, CLEAT_OK);
    const testing::Outcome outcome = driver.init(fields, CLEAT_OUT);
    ASSERT_EQ(outcome.status, CLEAT_OK) << outcome.text;
    ASSERT_EQ(driver.start().status, CLEAT_OK);
  }
  testing::Outcome init(const Pairs& fields) {
    EXPECT_EQ(driver.create().status, CLEAT_OK);
    return driver.init(fields, CLEAT_OUT);
  }
  const Completion& call(const std::string& operation, const std::string& data = {},
                         const Pairs& metadata = {}) {
    const Completion& done = driver.invoke(operation, data, metadata);
    EXPECT_EQ(done.times, 1U) << operation;
    return done;
  }
  [[nodiscard]] std::string stored(const std::string& name) const {
    return Place::content(place.root() / name);
  }

  Place place;
  FakeHost host;
  Driver driver{host, *cleat_entry_v0(nullptr)->types[0]};
};

TEST_F(LocalStorageTest, CreateSaysWhereTheFileIs) {
  start();
  const Completion& done = call("create", "hello", {{"fileName", "../a/b.txt"}});
  EXPECT_EQ(done.status, CLEAT_OK) << done.text;
  EXPECT_EQ(done.data, R"({"fileName":"a/b.txt"})");
  EXPECT_EQ(done.content_type, "application/json");
  EXPECT_EQ(stored("a/b.txt"), "hello");
}

TEST_F(LocalStorageTest, CreateFindsANameWhereNoneIsGiven) {
  start();
  const std::string answer = call("create", "x").data;
  const std::string name = answer.substr(13, 36);
  EXPECT_EQ(answer, "{\"fileName\":\"" + name + "\"}");
  EXPECT_EQ(name[14], '4');
  EXPECT_EQ(stored(name), "x");
  EXPECT_NE(call("create", "x", {{"fileName", ""}}).data, answer);
}

TEST_F(LocalStorageTest, OfAJsonStringTheTextIsMeant) {
  start();
  const Pairs file{{"fileName", "f"}};
  for (const auto& [data, expected] : Pairs{{R"("a\u00fc\n")", "a\u00fc\n"},
                                            {R"({"a": "b"})", R"({"a": "b"})"},
                                            {"12345678901234567890", "12345678901234567890"},
                                            {"test", "test"},
                                            {R"("YWFh")", "YWFh"},
                                            {"'x'", "'x'"},
                                            {R"("half)", R"("half)"},
                                            {"", ""}}) {
    EXPECT_EQ(call("create", data, file).status, CLEAT_OK);
    EXPECT_EQ(stored("f"), expected) << data;
  }
}

TEST_F(LocalStorageTest, Base64IsDecodedWhenItIsSaid) {
  start();
  EXPECT_EQ(call("create", R"("AP8=")", {{"fileName", "f"}, {"decodeBase64", "true"}}).status, CLEAT_OK);
  EXPECT_EQ(stored("f"), std::string("\0\xFF", 2));
  const Completion& wrong = call("create", "no base64!", {{"fileName", "f"}, {"decodeBase64", "1"}});
  EXPECT_EQ(wrong.status, CLEAT_INVALID);
  EXPECT_NE(wrong.text.find("decodeBase64"), std::string::npos) << wrong.text;
  EXPECT_EQ(stored("f"), std::string("\0\xFF", 2)) << "the old file stays";
}

TEST_F(LocalStorageTest, ARequestOverridesTheComponent) {
  start({{"decodeBase64", "true"}, {"encodeBase64", "true"}});
  EXPECT_EQ(call("create", "YWFh", {{"fileName", "f"}}).status, CLEAT_OK);
  EXPECT_EQ(stored("f"), "aaa");
  EXPECT_EQ(call("get", "", {{"fileName", "f"}}).data, "YWFh");
  EXPECT_EQ(call("get", "", {{"fileName", "f"}, {"encodeBase64", "false"}}).data, "aaa");
  EXPECT_EQ(call("create", "YWFh", {{"fileName", "f"}, {"decodeBase64", "no"}}).status, CLEAT_OK);
  EXPECT_EQ(stored("f"), "YWFh");
}

TEST_F(LocalStorageTest, GetReadsParts) {
  start({{"maxFileSize", "4"}});
  std::ofstream(place.root() / "ten") << "0123456789";
  const Completion& part = call("get", "", {{"fileName", "ten"}, {"offset", "8"}, {"length", "4"}});
  EXPECT_EQ(part.data, "89");
  EXPECT_EQ(part.metadata, (Pairs{{"fileSize", "10"}}));
  EXPECT_EQ(call("get", "", {{"fileName", "ten"}, {"offset", "6"}}).data, "6789");
  EXPECT_EQ(call("get", "", {{"fileName", "ten"}}).status, CLEAT_TOO_LARGE);
  EXPECT_EQ(call("get", "", {{"fileName", "ten"}, {"length", "5"}}).status, CLEAT_TOO_LARGE);
  for (const char* wrong : {"-1", "1 ", "0x1", "18446744073709551616", "one"}) {
    const Completion& done = call("get", "", {{"fileName", "ten"}, {"offset", wrong}});
    EXPECT_EQ(done.status, CLEAT_INVALID) << wrong;
    EXPECT_NE(done.text.find("offset"), std::string::npos);
  }
  EXPECT_EQ(call("create", "12345", {{"fileName", "f"}}).status, CLEAT_TOO_LARGE);
  EXPECT_EQ(call("create", R"("1234")", {{"fileName", "f"}}).status, CLEAT_OK) << "the text counts";
}

TEST_F(LocalStorageTest, WhatIsNotThereIsSaidInDaprsWords) {
  start();
  const std::string path = fs::canonical(place.root()).string();
  EXPECT_EQ(call("get", "", {{"fileName", "no"}}).text, "file not found: " + path + "/no");
  EXPECT_EQ(call("delete", "", {{"fileName", "no"}}).text.find("error deleting file " + path + "/no: "), 0U);
  std::ofstream(place.root() / "file") << "x";
  EXPECT_EQ(call("list", "", {{"fileName", "file"}}).text,
            "unable to list files as the file specified is not a directory: " + path + "/file");
}

TEST_F(LocalStorageTest, ListsRelativeNames) {
  start({{"maxListedFiles", "2"}});
  EXPECT_EQ(call("list").data, "[]");
  call("create", "x", {{"fileName", "a/\"1\""}});
  call("create", "x", {{"fileName", "b"}});
  const Completion& all = call("list");
  EXPECT_EQ(all.data, R"(["a/\"1\"","b"])");
  EXPECT_EQ(all.content_type, "application/json");
  EXPECT_EQ(call("list", "", {{"fileName", "a"}}).data, R"(["a/\"1\""])");
  EXPECT_EQ(call("delete", "", {{"fileName", "b"}}).has_response, false);
  call("create", "x", {{"fileName", "c"}});
  call("create", "x", {{"fileName", "d"}});
  EXPECT_EQ(call("list").status, CLEAT_TOO_LARGE);
}

TEST_F(LocalStorageTest, StrictDaprGuessesAgain) {
  driver.facts.emplace_back("strict-dapr", "true");
  start();
  EXPECT_EQ(call("list").data, "null");
  for (const auto& [data, expected] : Pairs{{"\"test\"", "\xb5\xeb\x2d"},
                                            {"dGVzdA==", "test"},
                                            {"test!", "test!"},
                                            {"`a\\n`", "a\\n"},
                                            {"'x'", "x"}}) {
    EXPECT_EQ(call("create", data, {{"fileName", "f"}}).status, CLEAT_OK);
    EXPECT_EQ(stored("f"), expected) << data;
  }
  EXPECT_EQ(call("list").data, "[\"" + (fs::canonical(place.root()) / "f").string() + "\"]");
}

TEST_F(LocalStorageTest, APingLooksForTheFolder) {
  start();
  EXPECT_EQ(driver.ping().status, CLEAT_OK);
  fs::remove_all(place.root());
  EXPECT_EQ(driver.ping().status, CLEAT_NOT_FOUND);
  EXPECT_FALSE(fs::exists(place.root()));
}

TEST_F(LocalStorageTest, InitRefusesPlacesOfTheSystem) {
  const testing::Outcome outcome = init({{"rootPath", "/proc/self"}});
  EXPECT_EQ(outcome.status, CLEAT_INVALID);
  EXPECT_EQ(outcome.text, "property rootPath points to a disallowed location: /proc/self");
}

TEST_F(LocalStorageTest, InitWantsARootAndABoundThatIsOne) {
  EXPECT_EQ(init({}).text, "property rootPath must not be empty");
  driver.close();
  EXPECT_NE(init({{"rootPath", place.root()}, {"maxListedFiles", "0"}}).text.find("maxListedFiles"),
            std::string::npos);
}

TEST_F(LocalStorageTest, InitMakesNothing) {
  EXPECT_EQ(init({{"rootPath", place.base / "new"}}).status, CLEAT_OK);
  EXPECT_FALSE(fs::exists(place.base / "new"));
}

}  // namespace
}  // namespace cleat::localstorage
