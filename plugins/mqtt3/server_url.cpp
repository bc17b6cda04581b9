#include "server_url.hpp"

#include <cleat/values.hpp>

#include <charconv>
#include <string>

#include "common/text.hpp"

namespace cleat::mqtt {
namespace {

constexpr std::uint16_t kPlainPort = 1883, kTlsPort = 8883;

[[noreturn]] void refuse(const std::string& what, cleat_status status = CLEAT_INVALID) {
  throw Error(status, "url: " + what);
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex(text[i + 2]) : -1;
    if (high < 0 || low < 0)
      refuse("a % in the user or password is not followed by two hexadecimal digits; write % itself as %25");
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool takes_tls(std::string_view scheme) {
  const std::string lower = common::lower(scheme);
  if (lower.empty() || lower == "tcp" || lower == "mqtt") return false;
  if (lower == "ssl" || lower == "tls" || lower == "mqtts" || lower == "tcps") return true;
  if (lower == "ws" || lower == "wss")
    refuse("MQTT over WebSocket is not offered; use the broker's tcp:// or ssl:// address",
           CLEAT_UNSUPPORTED);
  refuse("expected a scheme of tcp, mqtt, ssl, tls, mqtts and tcps, found '" + std::string(scheme) + "'");
}

void read_login(std::string_view login, Server& out) {
  const std::size_t colon = login.find(':');
  out.user = percent_decoded(login.substr(0, colon));
  if (colon != std::string_view::npos) out.password = percent_decoded(login.substr(colon + 1));
}

void read_port(std::string_view text, Server& out) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0 || port > UINT16_MAX)
    refuse("expected a port from 1 to 65535 behind the host, found '" + std::string(text) + "'");
  out.port = static_cast<std::uint16_t>(port);
}

void read_place(std::string_view place, Server& out) {
  std::string_view port;
  if (!place.empty() && place.front() == '[') {
    const std::size_t close = place.find(']');
    if (close == std::string_view::npos) refuse("an IPv6 address that begins with [ has no ]");
    out.host = place.substr(1, close - 1);
    port = place.substr(close + 1);
    if (!port.empty() && port.front() != ':')
      refuse("expected :port behind ], found '" + std::string(port) + "'");
  } else {
    const std::size_t colon = place.find(':');
    out.host = place.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view() : place.substr(colon);
  }
  if (out.host.empty() || out.host.find_first_of(" \t") != std::string::npos)
    refuse("expected scheme://host:port, found no host in it");
  if (!port.empty()) read_port(port.substr(1), out);
}

}  // namespace

std::string Server::name() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

Server read_server(std::string_view url) {
  Server out;
  std::string_view rest = common::trimmed(url);
  const std::size_t scheme = rest.find("://");
  if (scheme != std::string_view::npos) {
    out.tls = takes_tls(rest.substr(0, scheme));
    rest.remove_prefix(scheme + 3);
  }
  out.port = out.tls ? kTlsPort : kPlainPort;
  const bool has_late_at = rest.find('@') != std::string_view::npos;
  rest = rest.substr(0, rest.find_first_of("/?"));
  const std::size_t at = rest.rfind('@');
  // Otherwise a part of the password would be taken for a port, and told.
  if (at == std::string_view::npos && has_late_at)
    refuse("expected '/' and '?' as %2F and %3F in the user and the password");
  if (at != std::string_view::npos) {
    read_login(rest.substr(0, at), out);
    rest.remove_prefix(at + 1);
  }
  read_place(rest, out);
  return out;
}

}  // namespace cleat::mqtt
