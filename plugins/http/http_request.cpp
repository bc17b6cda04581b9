#include "http_request.hpp"

#include <algorithm>
#include <array>

#include "common/grpc_metadata.hpp"
#include "common/text.hpp"

namespace cleat::http {
namespace {

constexpr std::string_view kJson = "application/json; charset=utf-8";

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view each) { return common::equal_ignoring_case(each, name); });
}

void set_header(common::HttpRequest& to, std::string_view name, std::string_view value,
                bool is_secret = false) {
  if (!is_header_name(name)) {
    throw Error(CLEAT_INVALID, "metadata '" + std::string(name) +
                                   "': expected a name that a header may have, it would be sent as one");
  }
  if (!is_header_value(value)) {
    throw Error(CLEAT_INVALID, "metadata '" + std::string(name) +
                                   "': expected a value without line ends, it is sent as a header");
  }
  for (common::HttpHeader& known : to.headers) {
    if (!common::equal_ignoring_case(known.name, name)) continue;
    known.value = value;
    return;
  }
  to.headers.push_back({std::string(name), std::string(value), is_secret});
}

std::string method_of(std::string_view operation) {
  constexpr std::array<std::string_view, 8> kMethods{"get",   "head",   "post",    "put",
                                                     "patch", "delete", "options", "trace"};
  if (operation == "create") return "POST";
  if (std::find(kMethods.begin(), kMethods.end(), operation) == kMethods.end()) {
    throw Error(CLEAT_UNSUPPORTED, "invalid operation: " + std::string(operation));
  }
  std::string method(operation);
  std::transform(method.begin(), method.end(), method.begin(),
                 [](char c) { return static_cast<char>(c - ('a' - 'A')); });
  return method;
}

/// With Dapr an entry that begins with a capital is a header; here every other one that is none of ours, too.
bool is_header(const HttpConfig& config, std::string_view name, std::string_view value) {
  if (is_one_of(name, {"path", "errorIfNot2XX"})) return false;
  // What the connection needs is for libcurl to say.
  if (is_one_of(name, {"connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade",
                       "expect", "keep-alive", "proxy-connection"}))
    return false;
  const bool is_capital = !name.empty() && name[0] >= 'A' && name[0] <= 'Z';
  return is_capital || (!config.strict_dapr && !common::is_of_grpc(name, value));
}

void set_headers(const HttpConfig& config, const Request& request, common::HttpRequest& to) {
  // The host says no more of JSON than its name.
  const bool is_json = request.content_type().empty() || request.content_type() == "application/json";
  if (to.has_body) set_header(to, "Content-Type", is_json ? kJson : request.content_type());
  set_header(to, "Accept", kJson);
  if (!config.token.empty()) set_header(to, config.token_header, config.token, true);
  const cleat_map& metadata = request.raw().metadata;
  for (std::size_t i = 0; i < metadata.count; ++i) {
    const std::string_view name = view(metadata.items[i].key), value = view(metadata.items[i].value);
    if (is_header(config, name, value)) set_header(to, name, value);
  }
  const std::array<std::pair<const char*, cleat_str>, 3> trace{{{"traceparent", request.raw().traceparent},
                                                                {"tracestate", request.raw().tracestate},
                                                                {"baggage", request.raw().baggage}}};
  for (const auto& [name, value] : trace) {
    if (value.len != 0) set_header(to, name, view(value));
  }
}

}  // namespace

bool is_header_name(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_header_value(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

bool is_blank_or_control(char c) {
  return static_cast<unsigned char>(c) <= 0x20U || c == 0x7F;
}

std::string join(std::string_view base, std::string_view path) {
  if (path.empty()) return std::string(base);
  while (!base.empty() && base.back() == '/')
    base.remove_suffix(1);
  while (!path.empty() && path.front() == '/')
    path.remove_prefix(1);
  return std::string(base) + "/" + std::string(path);
}

bool error_if_not_2xx(const HttpConfig& config, const Request& request) {
  const auto asked = request.metadata("errorIfNot2XX");
  if (!asked || asked->empty()) return config.error_if_not_2xx;
  // As Dapr reads a switch: what is not one of these is off.
  return is_one_of(common::trimmed(*asked), {"y", "yes", "true", "t", "on", "1"});
}

common::HttpRequest make_request(const HttpConfig& config, const Request& request) {
  common::HttpRequest out;
  out.tag = request.id();
  out.method = method_of(request.operation());
  const std::string_view path = request.metadata("path").value_or("");
  if (std::any_of(path.begin(), path.end(), is_blank_or_control)) {
    throw Error(
        CLEAT_INVALID,
        "metadata 'path': expected a path without blanks and control characters; escape them with %XX");
  }
  out.url = join(config.url, path);
  out.has_body = out.method == "POST" || out.method == "PUT" || out.method == "PATCH";
  if (out.has_body) out.body = request.data();
  out.may_run_twice = common::is_idempotent(out.method);
  out.follow_redirects = true;
  out.max_response_bytes = config.max_response_bytes;
  set_headers(config, request, out);
  return out;
}

}  // namespace cleat::http
