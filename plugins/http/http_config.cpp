#include "http_config.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <sstream>

#include "common/text.hpp"
#include "common/tls.hpp"

namespace cleat::http {
namespace {

constexpr std::string_view kJson = "application/json; charset=utf-8";

/// PEM text, or what a file of that name holds.
std::string pem_of(const Config& config, const char* field) {
  const std::string given = config.text(field);
  if (given.empty() || given.find("-----BEGIN ") != std::string::npos) return given;
  std::ifstream file(given);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (text.str().find("-----BEGIN ") == std::string::npos) {
    throw Error(
        CLEAT_INVALID,
        std::string("provided \"") + field +
            "\" value is neither a valid file path or nor a valid pem encoded string: expected the path of a "
            "readable PEM file, or its text");
  }
  return text.str();
}

bool is_token(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

/// What the connection needs is for libcurl to say.
bool belongs_to_connection(std::string_view name) {
  constexpr std::array<std::string_view, 7> kNames{
      "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view each) { return common::equal_ignoring_case(each, name); });
}

void add_header(common::HttpRequest& to, std::string_view name, std::string_view value) {
  if (!is_token(name)) {
    throw Error(CLEAT_INVALID, "metadata '" + std::string(name) +
                                   "': expected a name that a header may have, it would be sent as one");
  }
  if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    throw Error(CLEAT_INVALID, "metadata '" + std::string(name) +
                                   "': expected a value without line ends, it is sent as a header");
  }
  for (auto& [known, text] : to.headers) {
    if (!common::equal_ignoring_case(known, name)) continue;
    text = value;
    return;
  }
  to.headers.emplace_back(name, value);
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

/// As with Dapr: a header is an entry that begins with a capital; here every other one that is none of ours, too.
bool is_header(const HttpConfig& config, std::string_view name) {
  if (common::equal_ignoring_case(name, "path") || common::equal_ignoring_case(name, "errorIfNot2XX"))
    return false;
  if (belongs_to_connection(name)) return false;
  return !config.strict_dapr || (!name.empty() && name[0] >= 'A' && name[0] <= 'Z');
}

void add_headers(const HttpConfig& config, const Request& request, common::HttpRequest& to) {
  // The host says no more of JSON than its name.
  const bool is_json = request.content_type().empty() || request.content_type() == "application/json";
  if (to.has_body) add_header(to, "Content-Type", is_json ? kJson : request.content_type());
  add_header(to, "Accept", kJson);
  if (!config.token.empty()) add_header(to, config.token_header, config.token);
  const cleat_map& metadata = request.raw().metadata;
  for (std::size_t i = 0; i < metadata.count; ++i) {
    const std::string_view name = view(metadata.items[i].key);
    if (is_header(config, name)) add_header(to, name, view(metadata.items[i].value));
  }
  const std::array<std::pair<const char*, cleat_str>, 3> trace{{{"traceparent", request.raw().traceparent},
                                                                {"tracestate", request.raw().tracestate},
                                                                {"baggage", request.raw().baggage}}};
  for (const auto& [name, value] : trace) {
    if (value.len != 0) add_header(to, name, view(value));
  }
}

}  // namespace

HttpConfig parse_config(const Config& config) {
  HttpConfig out;
  out.url = config.text("url");
  const std::string lower = common::lower(out.url);
  if (lower.rfind("http://", 0) != 0 && lower.rfind("https://", 0) != 0) {
    throw Error(CLEAT_INVALID, "url: expected an address that begins with http:// or https://, found '" +
                                   out.url.substr(0, out.url.find('@')) + "'");
  }
  out.ca = pem_of(config, "MTLSRootCA");
  out.cert = pem_of(config, "MTLSClientCert");
  out.key = pem_of(config, "MTLSClientKey");
  out.token = config.text("securityToken");
  out.token_header = config.text("securityTokenHeader");
  if (out.token.empty() || out.token_header.empty()) out.token.clear();
  if (!out.token.empty() && !is_token(out.token_header)) {
    throw Error(CLEAT_INVALID, "securityTokenHeader: expected a name that a header may have, found '" +
                                   out.token_header + "'");
  }
  out.response_timeout = config.duration("responseTimeout");
  out.max_response_bytes = config.size("maxResponseBodySize");
  out.error_if_not_2xx = config.boolean("errorIfNot2XX", true);
  out.max_connections =
      static_cast<long>(std::clamp<std::int64_t>(config.integer("maxConnections", 100), 1, 10'000));
  out.strict_dapr = config.fact("strict-dapr") == "true";
  return out;
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
  constexpr std::array<std::string_view, 6> kOn{"y", "yes", "true", "t", "on", "1"};
  const std::string word = common::lower(common::trimmed(*asked));
  return std::find(kOn.begin(), kOn.end(), word) != kOn.end();
}

common::HttpRequest make_request(const HttpConfig& config, const Request& request) {
  common::HttpRequest out;
  out.method = method_of(request.operation());
  const std::string_view path = request.metadata("path").value_or("");
  if (std::any_of(path.begin(), path.end(),
                  [](char c) { return static_cast<unsigned char>(c) <= 0x20U || c == 0x7F; })) {
    throw Error(
        CLEAT_INVALID,
        "metadata 'path': expected a path without blanks and control characters; escape them with %XX");
  }
  out.url = join(config.url, path);
  out.has_body = out.method == "POST" || out.method == "PUT" || out.method == "PATCH";
  if (out.has_body) out.body = request.data();
  out.follow_redirects = true;
  out.max_response_bytes = config.max_response_bytes;
  add_headers(config, request, out);
  return out;
}

std::string status_line(const common::HttpResponse& response) {
  constexpr std::array<std::pair<int, std::string_view>, 22> kWords{{{200, "OK"},
                                                                     {201, "Created"},
                                                                     {202, "Accepted"},
                                                                     {204, "No Content"},
                                                                     {206, "Partial Content"},
                                                                     {301, "Moved Permanently"},
                                                                     {302, "Found"},
                                                                     {304, "Not Modified"},
                                                                     {400, "Bad Request"},
                                                                     {401, "Unauthorized"},
                                                                     {403, "Forbidden"},
                                                                     {404, "Not Found"},
                                                                     {405, "Method Not Allowed"},
                                                                     {408, "Request Timeout"},
                                                                     {409, "Conflict"},
                                                                     {410, "Gone"},
                                                                     {422, "Unprocessable Entity"},
                                                                     {429, "Too Many Requests"},
                                                                     {500, "Internal Server Error"},
                                                                     {502, "Bad Gateway"},
                                                                     {503, "Service Unavailable"},
                                                                     {504, "Gateway Timeout"}}};
  const auto* const known = std::find_if(kWords.begin(), kWords.end(),
                                         [&](const auto& each) { return each.first == response.status; });
  std::string reason = response.reason;
  if (reason.empty() && known != kWords.end()) reason = known->second;
  return std::to_string(response.status) + (reason.empty() ? "" : " " + reason);
}

}  // namespace cleat::http
