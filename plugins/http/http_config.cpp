#include "http_config.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "common/text.hpp"
#include "common/tls.hpp"
#include "http_request.hpp"

namespace cleat::http {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";

/// PEM text, or what a file of that name holds.
std::string pem_of(const Config& config, const char* field) {
  const std::string given = config.text(field);
  if (given.empty() || given.find(kBegin) != std::string::npos) return given;
  std::ifstream file(given);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (text.str().find(kBegin) == std::string::npos) {
    throw Error(
        CLEAT_INVALID,
        std::string("provided \"") + field +
            "\" value is neither a valid file path or nor a valid pem encoded string: expected the path of a "
            "readable PEM file, or its text");
  }
  return text.str();
}

/// The value is not repeated: it may hold a password.
void check_url(const std::string& url) {
  const std::string lower = common::lower(url);
  if (lower.rfind("http://", 0) != 0 && lower.rfind("https://", 0) != 0) {
    throw Error(CLEAT_INVALID,
                "url: expected an address that begins with http:// or https://, found another beginning");
  }
  if (std::any_of(url.begin(), url.end(), is_blank_or_control)) {
    throw Error(CLEAT_INVALID,
                "url: expected an address without blanks and control characters; escape them with %XX");
  }
}

}  // namespace

HttpConfig parse_config(const Config& config) {
  HttpConfig out;
  out.url = config.text("url");
  check_url(out.url);
  out.ca = pem_of(config, "MTLSRootCA");
  out.cert = pem_of(config, "MTLSClientCert");
  out.key = pem_of(config, "MTLSClientKey");
  common::check_pem({out.ca, out.cert, out.key}, false, {"MTLSRootCA", "MTLSClientCert", "MTLSClientKey"});
  out.token = config.text("securityToken");
  out.token_header = config.text("securityTokenHeader");
  if (out.token.empty() || out.token_header.empty()) out.token.clear();
  if (!out.token.empty()) {
    if (!is_header_name(out.token_header)) {
      throw Error(CLEAT_INVALID, "securityTokenHeader: expected a name that a header may have, found '" +
                                     out.token_header + "'");
    }
    if (!is_header_value(out.token)) {
      throw Error(CLEAT_INVALID,
                  "securityToken: expected one line, it is sent as a header; found a line end");
    }
  }
  out.response_timeout = config.duration("responseTimeout");
  out.max_response_bytes = config.size("maxResponseBodySize");
  out.error_if_not_2xx = config.boolean("errorIfNot2XX", true);
  const auto connections = config.integer("maxConnections", 100);
  if (connections < 1 || connections > 10'000) {
    throw Error(CLEAT_INVALID,
                "maxConnections: expected 1 to 10000, found '" + std::to_string(connections) + "'");
  }
  out.max_connections = static_cast<long>(connections);
  out.strict_dapr = config.fact("strict-dapr") == "true";
  return out;
}

}  // namespace cleat::http
