#include "telemetry/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <regex>
#include <sstream>
#include <thread>
#include <vector>

#include "base/json.hpp"

namespace cleat {
namespace {

const LogIdentity kIdentity{"shop", "box-1", "1.2.3"};

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  }
  ~Pipe() {
    close_reader();
    close_writer();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  [[nodiscard]] int writer() const { return ends_[1]; }
  void close_reader() { close_end(0); }
  void close_writer() { close_end(1); }

  /// Until the writer is closed.
  [[nodiscard]] std::string read_all() const {
    std::string text;
    std::array<char, 4096> part{};
    for (;;) {
      const ssize_t size = ::read(ends_[0], part.data(), part.size());
      if (size <= 0) return text;
      text.append(part.data(), static_cast<std::size_t>(size));
    }
  }

 private:
  void close_end(std::size_t end) {
    if (ends_[end] >= 0) ::close(ends_[end]);
    ends_[end] = -1;
  }

  std::array<int, 2> ends_{-1, -1};
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

LogOptions options_for(const Pipe& pipe) {
  LogOptions options;
  options.identity = kIdentity;
  options.fd = pipe.writer();
  return options;
}

std::string as_text(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {}) {
  return format_log_line(false, kIdentity, 1'709'210'096'000'000'001, level, message,
                         {fields.begin(), fields.size()});
}

TEST(LogLine, LooksLikeDaprds) {
  const std::string expected =
      R"(time="2024-02-29T12:34:56.000000001Z" level=info msg="component loaded" app_id=shop instance=box-1 )"
      R"-(scope=cleat type=log ver=1.2.3 component="k (bindings.kafka/v1)" n=3)-";
  EXPECT_EQ(as_text(LogLevel::info, "component loaded", {{"component", "k (bindings.kafka/v1)"}, {"n", "3"}}),
            expected);
}

TEST(LogLine, NamesTheLevelsAsDaprdDoes) {
  for (const auto& [level, name] :
       {std::pair{LogLevel::trace, "level=debug "}, std::pair{LogLevel::debug, "level=debug "},
        std::pair{LogLevel::info, "level=info "}, std::pair{LogLevel::warn, "level=warning "},
        std::pair{LogLevel::error, "level=error "}}) {
    EXPECT_NE(as_text(level, "m").find(name), std::string::npos) << name;
  }
}

TEST(LogLine, IsOneLineWhateverIsWritten) {
  const std::string line =
      as_text(LogLevel::warn, "two\nlines \"quoted\" \\ \x01\xFF",
              {{"a", ""}, {"b", "x y"}, {"c", "x\r\ny"}, {"bad key=\n", "v"}, {"msg", "mine"}, {"", "e"}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_NE(line.find(R"(msg="two\nlines \"quoted\" \\ \u0001)"
                      "\xEF\xBF\xBD\""),
            std::string::npos)
      << line;
  EXPECT_NE(line.find(R"( a="" b="x y" c="x\r\ny" bad_key__=v fields.msg=mine fields.=e)"), std::string::npos)
      << line;
}

TEST(LogLine, IsOneObjectAsJson) {
  const std::vector<LogField> fields = {{"component", "k\n"}, {"level", "mine"}};
  const auto parsed =
      json::parse(format_log_line(true, kIdentity, 0, LogLevel::error, "it \"broke\"", fields));
  ASSERT_TRUE(parsed) << parsed.error().text;
  const std::vector<std::pair<const char*, const char*>> expected = {
      {"time", "1970-01-01T00:00:00.000000000Z"},
      {"level", "error"},
      {"msg", "it \"broke\""},
      {"app_id", "shop"},
      {"instance", "box-1"},
      {"scope", "cleat"},
      {"type", "log"},
      {"ver", "1.2.3"},
      {"component", "k\n"},
      {"fields.level", "mine"}};
  ASSERT_EQ(parsed->members.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(parsed->members[i].key, expected[i].first);
    EXPECT_EQ(parsed->members[i].value.text, expected[i].second);
  }
}

TEST(LogLine, CutsLongValues) {
  const std::string line =
      as_text(LogLevel::info, std::string(4095, 'x') + "\xC3\xA9" + std::string(100'000, 'y'));
  EXPECT_LT(line.size(), 4500U);
  EXPECT_NE(line.find(R"-(xxx... (104097 bytes)")-"), std::string::npos);
  EXPECT_LT(as_text(LogLevel::info, "m", {{"k", std::string(100'000, 'z')}}).size(), 4500U);
}

TEST(AsyncLog, WritesInOrderAndKeepsToItsLevel) {
  Pipe pipe;
  {
    AsyncLog log(options_for(pipe));
    EXPECT_FALSE(log.enabled(LogLevel::debug));
    EXPECT_TRUE(log.enabled(LogLevel::info));
    log.debug("not this");
    log.write(LogLevel::debug, "nor this", std::span<const LogField>{});
    for (int i = 0; i < 100; ++i)
      log.info("line", {{"n", std::to_string(i)}});
    log.error("last");
    EXPECT_EQ(log.dropped(), 0U);
  }
  pipe.close_writer();
  const auto lines = lines_of(pipe.read_all());
  ASSERT_EQ(lines.size(), 101U);
  for (std::size_t i = 0; i < 100; ++i)
    EXPECT_TRUE(lines[i].ends_with(" n=" + std::to_string(i))) << lines[i];
  EXPECT_NE(lines[100].find("level=error msg=\"last\""), std::string::npos);
}

TEST(AsyncLog, DropsTheOldestWhenNobodyReadsAndSaysHowMany) {
  constexpr std::size_t kWritten = 4000;
  Pipe pipe;
  std::string text;
  std::thread reader;
  {
    LogOptions options = options_for(pipe);
    options.patience_at_end = std::chrono::seconds(60);  // for the reader, which comes late
    AsyncLog log(options);
    for (std::size_t i = 0; i < kWritten; ++i)
      log.info(std::string(200, 'x'), {{"n", std::to_string(i)}});
    EXPECT_GT(log.dropped(), 0U);
    reader = std::thread([&] { text = pipe.read_all(); });
  }
  pipe.close_writer();
  reader.join();

  const std::regex report(R"(level=warning msg="(\d+) log lines were dropped)");
  std::size_t dropped = 0;
  std::size_t seen = 0;
  const auto lines = lines_of(text);
  for (const std::string& line : lines) {
    std::smatch match;
    if (std::regex_search(line, match, report)) {
      dropped += std::stoul(match[1]);
    } else {
      ++seen;
    }
  }
  EXPECT_GT(dropped, 0U);
  EXPECT_EQ(seen + dropped, kWritten);
  EXPECT_TRUE(lines.back().ends_with(" n=" + std::to_string(kWritten - 1)));
}

TEST(AsyncLog, EndsThoughThePipeIsFull) {
  Pipe pipe;
  const auto before = std::chrono::steady_clock::now();
  {
    LogOptions options = options_for(pipe);
    options.patience_at_end = std::chrono::milliseconds(20);
    AsyncLog log(options);
    for (int i = 0; i < 2000; ++i)
      log.info(std::string(300, 'x'));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(20));
}

TEST(AsyncLog, OutlivesAClosedOutput) {
  Pipe pipe;
  pipe.close_reader();
  LogOptions options = options_for(pipe);
  AsyncLog to_closed_pipe(options);
  options.fd = -1;
  AsyncLog to_nothing(options);
  for (int i = 0; i < 10; ++i) {
    to_closed_pipe.error("nobody hears this");
    to_nothing.error("nor this");
  }
}

TEST(HostName, IsNotEmpty) {
  EXPECT_FALSE(host_name().empty());
}

}  // namespace
}  // namespace cleat
