#include "security_config.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace cleat::kafka {
namespace {

constexpr int kScramVersion = 0x02030000;

[[noreturn]] void refuse(const std::string& text, cleat_status status = CLEAT_INVALID) {
  throw Error(status, "kafka error: " + text);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

/// As Go's strconv.ParseBool.
bool go_bool(std::string_view text) {
  constexpr std::array<std::string_view, 6> kTrue{"1", "t", "T", "TRUE", "true", "True"};
  constexpr std::array<std::string_view, 6> kFalse{"0", "f", "F", "FALSE", "false", "False"};
  if (std::find(kTrue.begin(), kTrue.end(), text) != kTrue.end()) return true;
  if (std::find(kFalse.begin(), kFalse.end(), text) == kFalse.end())
    refuse("invalid value for 'authRequired' attribute");
  return false;
}

bool is_pem(std::string_view text) {
  const std::size_t begin = text.find("-----BEGIN ");
  return begin != std::string_view::npos && text.find("-----END ", begin) != std::string_view::npos;
}

/// A PEM field; empty if it is not given.
std::string pem(const Config& config, std::string_view name, std::string_view what) {
  std::string text = config.text(name);
  if (!text.empty() && !is_pem(text))
    refuse("invalid " + std::string(what) + ": '" + std::string(name) +
           "' must hold PEM text, from -----BEGIN to -----END, not a file name");
  return text;
}

std::string auth_type(const Config& config) {
  std::string type = lower(config.text("authType"));
  if (!type.empty()) return type;
  const std::string required = config.text("authRequired");
  if (required.empty() || !go_bool(required)) return "none";
  return config.text("saslPassword").empty() ? "mtls" : "password";
}

/// Dapr's component takes exactly SHA-256 and SHA-512, and PLAIN for everything else.
std::string mechanism(const Config& config, std::vector<std::string>& warnings) {
  const std::string given = config.text("saslMechanism");
  const std::string name = lower(given);
  if (name == "sha-256" || name == "scram-sha-256") return "SCRAM-SHA-256";
  if (name == "sha-512" || name == "scram-sha-512") return "SCRAM-SHA-512";
  if (!name.empty() && name != "plain" && name != "plaintext")
    warnings.push_back("saslMechanism: '" + given +
                       "' is none of PLAIN, SHA-256 and SHA-512, so PLAIN is used, as Dapr does");
  return "PLAIN";
}

void check_scram(const Security& security, int client_version) {
  if (security.mechanism == "PLAIN" || client_version >= kScramVersion) return;
  const auto part = [&](int shift) { return std::to_string((client_version >> shift) & 0xff); };
  refuse("saslMechanism: this plugin was built with librdkafka " + part(24) + "." + part(16) + "." + part(8) +
             ", which current brokers refuse at a SCRAM login (it repeats the server's nonce wrongly). Build "
             "it with "
             "-Dlibrdkafka=bundled (scripts/setup fetches that source), or use PLAIN over TLS",
         CLEAT_UNSUPPORTED);
}

void read_password(const Config& config, Security& security, std::vector<std::string>& warnings) {
  security.user = config.text("saslUsername");
  if (security.user.empty()) refuse("missing SASL Username for authType 'password'");
  security.password = config.text("saslPassword");
  if (security.password.empty()) refuse("missing SASL Password for authType 'password'");
  security.mechanism = mechanism(config, warnings);
}

void read_tls(const Config& config, Security& security) {
  security.ca = pem(config, "caCert", "ca certificate");
  security.verify = !config.boolean("skipVerify", false);
}

void read_client_certificate(const Config& config, Security& security) {
  security.certificate = pem(config, "clientCert", "client certificate");
  security.key = pem(config, "clientKey", "client key");
  if (security.certificate.empty() != security.key.empty())
    refuse("clientKey or clientCert is missing: give both or none of them");
}

}  // namespace

Security read_security(const Config& config, int client_version, std::vector<std::string>& warnings) {
  Security security;
  const std::string type = auth_type(config);
  const bool disable_tls = config.boolean("disableTls", false);
  if (type == "oidc" || type == "oidc_private_key_jwt" || type == "awsiam")
    refuse(
        "authType '" + type + "' is not served yet: this plugin serves none, password, mtls and certificate",
        CLEAT_UNSUPPORTED);
  if (type != "none" && type != "password" && type != "mtls" && type != "certificate")
    refuse("invalid value for 'authType' attribute: found '" + type +
           "', expected none, password, mtls or certificate");
  if (type == "mtls" && disable_tls)
    throw Error(CLEAT_INVALID, "kafka: cannot configure mTLS authentication when TLSDisable is 'true'");
  security.tls = type != "none" && !disable_tls;
  if (type == "password") read_password(config, security, warnings);
  if (!security.mechanism.empty()) check_scram(security, client_version);
  if (security.tls) {
    read_tls(config, security);
    // Dapr reads them for mtls only; a broker that wants both a password and a certificate is served as well.
    if (type != "certificate") read_client_certificate(config, security);
  }
  if (type == "certificate" && security.tls && security.ca.empty())
    refuse("missing CA certificate property 'caCert' for authType 'certificate'");
  if (security.tls && !security.verify)
    warnings.emplace_back(
        "skipVerify: the broker's certificate is not checked, anybody on the way may read along");
  return security;
}

}  // namespace cleat::kafka
