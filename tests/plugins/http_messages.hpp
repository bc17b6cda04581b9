#pragma once

#include <string>
#include <string_view>

#include "plugins/scripted_server.hpp"

/// HTTP as a scripted server speaks it.
namespace cleat::testing {

/// One request as the server read it; empty if the connection ended.
struct Asked {
  std::string line, head, body;
  explicit operator bool() const { return !line.empty(); }
};

inline Asked read_request(ScriptedServer::Connection& connection) {
  Asked asked;
  asked.head = connection.read_until("\r\n\r\n");
  asked.line = asked.head.substr(0, asked.head.find("\r\n"));
  const std::size_t at = asked.head.find("\r\nContent-Length: ");
  if (at != std::string::npos) asked.body = connection.read_bytes(std::stoul(asked.head.substr(at + 18)));
  if (asked) connection.note(std::to_string(connection.number) + " " + asked.head + asked.body);
  return asked;
}

inline std::string answer(std::string_view status, std::string_view body, std::string_view headers = "") {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

}  // namespace cleat::testing
