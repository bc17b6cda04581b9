#pragma once

#include <cleat/values.hpp>

#include <string>
#include <string_view>

#include "common/curl/loop.hpp"
#include "http_config.hpp"

namespace cleat::http {

bool is_header_name(std::string_view name);
/// Nothing in it ends the line.
bool is_header_value(std::string_view value);
bool is_blank_or_control(char c);

/// A request as the component's fields and the call's metadata make it, but for its deadline. Throws Error for an
/// unknown operation, and for a path or a header that cannot be one.
common::HttpRequest make_request(const HttpConfig& config, const Request& request);

/// Whether an answer other than 2xx is an error for this call.
bool error_if_not_2xx(const HttpConfig& config, const Request& request);

/// `base` and `path` with exactly one '/' between them; the path may hold a query.
std::string join(std::string_view base, std::string_view path);

}  // namespace cleat::http
