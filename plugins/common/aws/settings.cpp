#include "common/aws/settings.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "common/text.hpp"
#include "common/tls.hpp"

namespace cleat::aws {
namespace {

/// AWS's SDKs take these as well.
std::string endpoint_of_environment(const std::string& service) {
  std::string name = "AWS_ENDPOINT_URL_";
  for (const char c : service)
    name += c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
  for (const char* each : {name.c_str(), "AWS_ENDPOINT_URL"}) {
    const char* value = std::getenv(each);
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

/// The value is not repeated: it may hold a password.
void check_endpoint(std::string& endpoint) {
  const std::string lower = common::lower(endpoint);
  const std::size_t scheme = lower.rfind("http://", 0) == 0    ? 7
                             : lower.rfind("https://", 0) == 0 ? 8
                                                               : std::string::npos;
  if (scheme == std::string::npos)
    throw Error(CLEAT_INVALID, "endpoint: expected an address that begins with http:// or https://");
  while (!endpoint.empty() && endpoint.back() == '/')
    endpoint.pop_back();
  const bool is_plain = endpoint.size() > scheme &&
                        std::none_of(endpoint.begin() + static_cast<std::ptrdiff_t>(scheme), endpoint.end(),
                                     [](unsigned char c) {
                                       return c <= 0x20 || c == 0x7F || c == '@' || c == '?' || c == '#';
                                     });
  if (!is_plain)
    throw Error(CLEAT_INVALID,
                "endpoint: expected scheme, host and port, without user, query and blanks, found more");
}

bool is_region(const std::string& text) {
  return !text.empty() && text.size() < 40 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

KeyOptions parse_keys(const Config& config) {
  KeyOptions out;
  for (const char* field : {"trustAnchorArn", "trustProfileArn"}) {
    if (!config.text(field).empty())
      throw Error(CLEAT_UNSUPPORTED,
                  std::string(field) +
                      ": IAM Roles Anywhere is not served; use assumeRoleArn, or keys that "
                      "AWS's signing helper gives to a profile (credential_process)");
  }
  out.access_key = config.text("accessKey");
  out.secret_key = config.text("secretKey");
  out.session_token = config.text("sessionToken");
  if (out.access_key.empty() != out.secret_key.empty())
    throw Error(CLEAT_INVALID, out.access_key.empty() ? "accessKey: expected one together with secretKey"
                                                      : "secretKey: expected one together with accessKey");
  if (out.access_key.empty() && !out.session_token.empty())
    throw Error(CLEAT_INVALID, "sessionToken: expected only together with accessKey and secretKey");
  for (const auto& [field, value] :
       {std::pair("accessKey", &out.access_key), std::pair("secretKey", &out.secret_key),
        std::pair("sessionToken", &out.session_token)}) {
    if (std::any_of(value->begin(), value->end(), [](unsigned char c) { return c <= 0x20 || c >= 0x7F; }))
      throw Error(CLEAT_INVALID, std::string(field) +
                                     ": expected a key without blanks and line ends; is one behind it in the "
                                     "secret?");
  }
  out.role_arn = config.text("assumeRoleArn");
  out.role_session = config.text("sessionName", "DaprDefaultSession");
  out.external_id = config.text("externalId");
  if (!out.role_arn.empty() && parse_arn(out.role_arn).service != "iam")
    throw Error(CLEAT_INVALID,
                "assumeRoleArn: expected arn:aws:iam::ACCOUNT:role/NAME, found '" + out.role_arn + "'");
  return out;
}

}  // namespace

Settings parse_settings(const Config& config, const std::string& service, const std::string& named,
                        std::string_view scheme) {
  Settings out;
  out.ca = config.text("caCert");
  if (!out.ca.empty()) common::check_pem({out.ca, {}, {}}, false);
  out.keys = parse_keys(config);
  out.keys.ca = out.ca;
  out.region = config.text("region");
  if (out.region.empty()) out.region = named;
  if (out.region.empty()) out.region = region_of_machine();
  if (out.region.empty())
    throw Error(CLEAT_INVALID,
                "region: expected one, as eu-west-1, here, in AWS_REGION, or in the profile; found none");
  if (!is_region(out.region))
    throw Error(CLEAT_INVALID, "region: expected a name as eu-west-1, found '" + out.region + "'");
  out.endpoint = config.text("endpoint");
  if (out.endpoint.empty()) out.endpoint = endpoint_of_environment(service);
  if (out.endpoint.empty()) out.endpoint = usual_endpoint(service, out.region);
  if (!scheme.empty() && out.endpoint.find("://") == std::string::npos) out.endpoint.insert(0, scheme);
  check_endpoint(out.endpoint);
  return out;
}

std::string usual_endpoint(const std::string& service, const std::string& region) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kDomains{
      {{"cn-", "amazonaws.com.cn"},
       {"us-isob-", "sc2s.sgov.gov"},
       {"us-isof-", "csp.hci.ic.gov"},
       {"us-iso-", "c2s.ic.gov"},
       {"eu-isoe-", "cloud.adc-e.uk"},
       {"eusc-", "amazonaws.eu"}}};
  std::string_view domain = "amazonaws.com";
  for (const auto& [beginning, its] : kDomains) {
    if (region.compare(0, beginning.size(), beginning) == 0) domain = its;
  }
  return "https://" + service + "." + region + "." + std::string(domain);
}

Arn parse_arn(std::string_view text) {
  std::array<std::string_view, 6> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t end = i + 1 < parts.size() ? text.find(':') : text.size();
    if (end == std::string_view::npos) return {};
    parts[i] = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (parts[0] != "arn" || parts[5].empty()) return {};
  return {std::string(parts[2]), std::string(parts[3]), std::string(parts[4]), std::string(parts[5])};
}

}  // namespace cleat::aws
