#include "api/text_json.hpp"

#include "base/json.hpp"

namespace cleat {
namespace {

/// What stands for the character at `text[at]`, and how many bytes of the text it covers; empty: the byte
/// itself.
struct Escape {
  std::string_view written;
  std::size_t covers = 1;
};

Escape html_escape(std::string_view text, std::size_t at) {
  switch (text[at]) {
    case '<':
      return {"\\u003c"};
    case '>':
      return {"\\u003e"};
    case '&':
      return {"\\u0026"};
    case '\xe2':
      if (text.substr(at, 3) == "\xe2\x80\xa8") return {"\\u2028", 3};
      if (text.substr(at, 3) == "\xe2\x80\xa9") return {"\\u2029", 3};
      return {};
    default:
      return {};
  }
}

}  // namespace

void append_html_safe(std::string& out, std::string_view text) {
  const std::string quoted = json::quoted(text);
  for (std::size_t at = 0; at < quoted.size();) {
    const Escape escape = html_escape(quoted, at);
    if (escape.written.empty()) {
      out += quoted[at];
    } else {
      out += escape.written;
    }
    at += escape.covers;
  }
}

std::string error_body(std::string_view code, std::string_view message) {
  std::string body = R"({"errorCode":)";
  append_html_safe(body, code);
  body += R"(,"message":)";
  append_html_safe(body, message);
  body += '}';
  return body;
}

}  // namespace cleat
