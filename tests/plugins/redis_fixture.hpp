#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "plugins/fake_host.hpp"
#include "plugins/scripted_server.hpp"

namespace cleat::redis {

/// An instance of the plugin and a host for it.
struct Rig {
  testing::FakeHost host{testing::FakeHost::Clock::kSteady};
  testing::Driver plugin{host, *cleat_entry_v0(nullptr)->types[0]};

  /// `fields` win over what the manifest would have put in.
  testing::Outcome init(testing::Pairs fields, std::uint32_t directions = CLEAT_OUT) {
    plugin.create();
    for (const auto& [name, value] : testing::Pairs{{"dialTimeout", "5000000000"},
                                                    {"readTimeout", "3000000000"},
                                                    {"redisType", "node"},
                                                    {"initialPosition", "oldest"},
                                                    {"dataField", "data"},
                                                    {"minIdle", "60000000000"}}) {
      bool is_given = false;
      for (const auto& [given, ignored] : fields)
        is_given = is_given || given == name;
      if (!is_given) fields.emplace_back(name, value);
    }
    return plugin.init(fields, directions);
  }
};

/// A server that notes each command, as its words with blanks between them, and answers as the test's script says. What
/// the script leaves open (by `usual`) is answered as an empty Redis would, but for a read that waits: that gets no answer.
class FakeRedis {
 public:
  using Words = std::vector<std::string>;
  using Connection = testing::ScriptedServer::Connection;
  /// Returns an answer as it goes over the wire, `usual`, or nothing: no answer.
  using Script = std::function<std::string(const Words& words, Connection& on)>;
  static constexpr const char* usual = "usual";
  static constexpr const char* hang_up = "hang up";

  explicit FakeRedis(Script script)
      : script_(std::move(script)), server_([this](Connection& connection) { serve(connection); }) {}

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(server_.port()); }
  testing::ScriptedServer& server() { return server_; }

  static std::string bulk(const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
  }
  /// The answer of a read: one entry with the field "data".
  static std::string entry(const std::string& stream, const std::string& id, const std::string& data) {
    return "*1\r\n*2\r\n" + bulk(stream) + "*1\r\n*2\r\n" + bulk(id) + "*2\r\n" + bulk("data") + bulk(data);
  }

 private:
  void serve(Connection& connection) {
    for (;;) {
      const std::string head = connection.read_until("\r\n");
      if (head.empty()) return;
      Words words(std::stoul(head.substr(1)));
      for (std::string& word : words) {
        const std::string length = connection.read_until("\r\n");
        if (length.empty()) return;
        word = connection.read_bytes(std::stoul(length.substr(1)) + 2);
        if (word.empty()) return;
        word.resize(word.size() - 2);
      }
      std::string line;
      for (const std::string& word : words)
        line += (line.empty() ? "" : " ") + word;
      connection.note(line);
      std::string answer = script_(words, connection);
      if (answer == hang_up) return;
      connection.write(answer == usual ? usual_answer(words) : answer);
    }
  }

  static std::string usual_answer(const Words& words) {
    if (words[0] == "PING") return "+PONG\r\n";
    if (words[0] == "XREADGROUP") return words.back() == ">" ? "" : "*-1\r\n";
    if (words[0] == "XAUTOCLAIM") return "*3\r\n$3\r\n0-0\r\n*0\r\n*0\r\n";
    if (words[0] == "XCLAIM" || words[0] == "XPENDING" || words[0] == "XINFO") return "*0\r\n";
    if (words[0] == "XACK" || words[0] == "XLEN") return ":1\r\n";
    return "+OK\r\n";
  }

  const Script script_;
  testing::ScriptedServer server_;
};

}  // namespace cleat::redis
