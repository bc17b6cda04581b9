// Drives one plugin file for the conformance suite. Commands come as lines on standard input, words in base64
// with blanks between them; what the plugin does goes as lines of JSON to standard output, among them one
// {"kind":"reply"} for each command. It ends with its standard input.

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>

#include "base/end_process.hpp"
#include "common/base64.hpp"
#include "common/text.hpp"
#include "session.hpp"

namespace cleat::conformance {
namespace {

// While nothing is due: how soon a withdrawal is noticed, which no descriptor announces.
constexpr int kTurnMs = 5;

Words words_of(std::string_view line) {
  Words words;
  for (const std::string_view each : common::split_list(line, ' ')) {
    const auto word = common::from_base64(each == "-" ? "" : each);
    if (!word) throw std::invalid_argument("a word is not base64: " + std::string(each));
    words.push_back(*word);
  }
  if (words.empty()) throw std::invalid_argument("an empty command");
  return words;
}

void run(Session& session, Reporter& reporter, std::string_view line) {
  const Words words = words_of(line);
  if (words[0] == "resources") {
    reporter.say(resources());
    return;
  }
  const Reply reply = session.run(words);
  reporter.say(Line().text("kind", "reply").number("status", reply.status).text("text", reply.text));
}

/// False at the end of the input.
bool read_more(std::string& buffer) {
  std::array<char, 65536> bytes{};
  const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
  if (got > 0) buffer.append(bytes.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

void serve(Session& session, Reporter& reporter) {
  std::string buffer;
  for (bool more = true; more;) {
    session.idle();
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (::poll(&input, 1, kTurnMs) > 0) more = read_more(buffer);
    for (std::size_t end = buffer.find('\n'); end != std::string::npos; end = buffer.find('\n')) {
      run(session, reporter, std::string_view(buffer).substr(0, end));
      buffer.erase(0, end + 1);
    }
  }
}

}  // namespace
}  // namespace cleat::conformance

int main() {
  int code = 0;
  try {
    cleat::conformance::Reporter reporter;
    cleat::conformance::Session session(reporter);
    cleat::conformance::serve(session, reporter);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "plugin-driver: %s\n", error.what());
    code = 2;
  }
  cleat::end_process(code);
}
