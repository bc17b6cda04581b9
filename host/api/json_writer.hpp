#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/text_json.hpp"

namespace cleat {

/// Writes one JSON document with the commas between members and elements. Names and texts are escaped, whatever bytes they
/// hold; that brackets match and keys alternate with values is the caller's part.
class JsonWriter {
 public:
  void open(char bracket) {
    separate();
    out_ += bracket;
    first_ = true;
  }
  void close(char bracket) {
    out_ += bracket;
    first_ = false;
  }
  void key(std::string_view name) {
    separate();
    append_html_safe(out_, name);
    out_ += ':';
    first_ = true;
  }
  void open_member(std::string_view name, char bracket) {
    key(name);
    open(bracket);
  }
  void text(std::string_view value) {
    separate();
    append_html_safe(out_, value);
  }
  void raw(std::string_view value) {
    separate();
    out_ += value;
  }
  void member(std::string_view name, std::string_view value) {
    key(name);
    text(value);
  }
  void member(std::string_view name, std::uint64_t value) {
    key(name);
    raw(fmt::format_int(value).c_str());
  }
  /// Not an overload of member(): a literal would rather become a bool than a text.
  void flag(std::string_view name, bool value) {
    key(name);
    raw(value ? "true" : "false");
  }
  /// Nanoseconds as seconds with three decimals.
  void seconds(std::string_view name, std::uint64_t ns) {
    key(name);
    raw(fmt::format("{}.{:03}", ns / 1'000'000'000, ns / 1'000'000 % 1'000));
  }
  void list(std::string_view name, const std::vector<std::string>& items) {
    open_member(name, '[');
    for (const std::string& item : items)
      text(item);
    close(']');
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  std::string out_;
  bool first_ = true;
};

}  // namespace cleat
