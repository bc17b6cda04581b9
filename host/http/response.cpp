#include "http/response.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/beast/http/status.hpp>

#include "api/text_json.hpp"

namespace cleat::http {
namespace {

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c)
    table[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c)
    table[c] = table[c - 'a' + 'A'] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}

constexpr std::array<bool, 256> kTokenChars = make_token_table();

void append_field_value(std::string& out, std::string_view value) {
  for (const char c : trim(value)) {
    const auto byte = static_cast<unsigned char>(c);
    out += (byte < 0x20 && c != '\t') || byte == 0x7f ? ' ' : c;
  }
}

}  // namespace

bool is_header_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](char c) { return kTokenChars[static_cast<unsigned char>(c)]; });
}

void append_head(std::string& out, const Response& response, Persistence persistence) {
  out += "HTTP/1.1 ";
  out += fmt::format_int(response.status).c_str();
  out += ' ';
  const auto reason =
      boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(response.status));
  out.append(reason.data(), reason.size());
  out += "\r\n";
  if (response.status != 204) {
    if (!response.content_type.empty()) {
      out += "Content-Type: ";
      out += response.content_type;
      out += "\r\n";
    }
    out += "Content-Length: ";
    out += fmt::format_int(response.body().size()).c_str();
    out += "\r\n";
  }
  if (!response.cleat_status.empty()) {
    out += "cleat-status: ";
    out += response.cleat_status;
    out += "\r\n";
  }
  if (!response.allow.empty()) {
    out += "Allow: ";
    out += response.allow;
    out += "\r\n";
  }
  for (const auto& [key, value] : response.metadata) {
    if (!is_header_name(key)) continue;
    out += "metadata.";
    out += key;
    out += ": ";
    append_field_value(out, value);
    out += "\r\n";
  }
  if (persistence == Persistence::close) out += "Connection: close\r\n";
  if (persistence == Persistence::keep_as_told) out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

Response text_response(unsigned status, std::string_view text) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.text = text;
  response.text += '\n';
  return response;
}

Response error_response(unsigned status, std::string_view code, std::string_view message) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.text = error_body(code, message);
  return response;
}

}  // namespace cleat::http
