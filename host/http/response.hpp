#pragma once

#include <string>
#include <string_view>

#include "base/text.hpp"
#include "plugin/buffer.hpp"

namespace cleat::http {

/// An answer to one request.
struct Response {
  unsigned status = 200;
  std::string_view content_type;  ///< a literal; empty: none is sent
  std::string_view cleat_status;  ///< a literal; empty: none is sent
  std::string_view allow;         ///< a literal: the methods that a path has; empty: none is sent
  std::string text;               ///< the body, unless `data` has one
  Buffer data;
  Pairs metadata;  ///< sent as `metadata.<key>`

  [[nodiscard]] std::string_view body() const {
    return data.size() > 0 ? data.view() : std::string_view(text);
  }
};

enum class Persistence : std::uint8_t { keep, keep_as_told, close };

/// Appends status line and headers. As daprd does, a metadata key that is no header name is left out and line
/// ends in a value become spaces.
void append_head(std::string& out, const Response& response, Persistence persistence);

[[nodiscard]] bool is_header_name(std::string_view name);

[[nodiscard]] Response text_response(unsigned status, std::string_view text);
[[nodiscard]] Response error_response(unsigned status, std::string_view code, std::string_view message);

}  // namespace cleat::http
