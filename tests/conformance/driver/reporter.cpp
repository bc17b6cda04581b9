#include "reporter.hpp"

#include <cleat/values.hpp>

#include <cstdio>

#include "common/base64.hpp"
#include "common/json_text.hpp"

namespace cleat::conformance {

void Line::key(std::string_view name) {
  if (text_.size() > 1) text_ += ',';
  common::append_json_string(text_, name);
  text_ += ':';
}

Line& Line::text(std::string_view name, std::string_view value) {
  key(name);
  common::append_json_string(text_, value);
  return *this;
}

Line& Line::bytes(std::string_view name, std::string_view value) {
  return text(name, common::base64(value));
}

Line& Line::number(std::string_view name, std::int64_t value) {
  key(name);
  text_ += std::to_string(value);
  return *this;
}

Line& Line::map(std::string_view name, const cleat_map& map) {
  key(name);
  text_ += '[';
  for (std::size_t i = 0; i < map.count; ++i) {
    if (i > 0) text_ += ',';
    text_ += '[';
    common::append_json_string(text_, view(map.items[i].key));
    text_ += ',';
    common::append_json_string(text_, view(map.items[i].value));
    text_ += ']';
  }
  text_ += ']';
  return *this;
}

void Reporter::say(Line line) {
  const std::string text = std::move(line).finish();
  const std::lock_guard lock(mutex_);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Reporter::violation(std::string_view what) {
  say(Line().text("kind", "violation").text("text", what));
}

}  // namespace cleat::conformance
