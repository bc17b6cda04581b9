#include "common/azure/token_settings.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "common/text.hpp"

namespace cleat::azure {
namespace {

struct Cloud {
  std::string_view name, authority, storage;
};
constexpr std::array<Cloud, 3> kClouds{
    {{"azurepublic", "https://login.microsoftonline.com", "core.windows.net"},
     {"azurechina", "https://login.chinacloudapi.cn", "core.chinacloudapi.cn"},
     {"azureusgovernment", "https://login.microsoftonline.us", "core.usgovcloudapi.net"}}};
constexpr std::string_view kMetadata = "http://169.254.169.254";

const Cloud& cloud_of(const Config& config) {
  const std::string given = config.text("azureEnvironment");
  std::string name = common::lower(given);
  if (name.size() > 5 && name.compare(name.size() - 5, 5, "cloud") == 0) name.resize(name.size() - 5);
  if (name.empty()) return kClouds[0];
  const auto* const found =
      std::find_if(kClouds.begin(), kClouds.end(), [&](const Cloud& each) { return each.name == name; });
  if (found == kClouds.end()) {
    throw Error(CLEAT_INVALID, "invalid Azure cloud: " + given +
                                   ": azureEnvironment: expected AzurePublicCloud, AzureChinaCloud or "
                                   "AzureUSGovernmentCloud");
  }
  return *found;
}

Identity method_of(std::string_view text) {
  const std::string name = common::lower(text);
  if (name == "clientcredentials" || name == "creds") return Identity::client_secret;
  if (name == "workloadidentity" || name == "wi") return Identity::workload_identity;
  if (name == "managedidentity" || name == "mi") return Identity::managed_identity;
  for (const char* other :
       {"clientcertificate", "cert", "spiffeworkloadidentity", "spiffe", "commandlineinterface", "cli"}) {
    if (name != other) continue;
    throw Error(CLEAT_INVALID, "azureAuthMethods: '" + std::string(text) +
                                   "' is not served: expected clientcredentials, workloadidentity or "
                                   "managedidentity");
  }
  throw Error(CLEAT_INVALID, "invalid Azure auth method: " + std::string(text) +
                                 ": azureAuthMethods: expected clientcredentials, workloadidentity or "
                                 "managedidentity");
}

/// In the order in which they are tried for being there.
std::vector<Identity> methods_of(const Config& config) {
  std::vector<Identity> out;
  const std::string given = config.text("azureAuthMethods");
  for (const std::string_view each : common::split_list(given)) {
    if (common::equal_ignoring_case(each, "none"))
      throw Error(CLEAT_INVALID, "all Azure auth methods have been disabled with auth method 'None'");
    out.push_back(method_of(each));
  }
  if (out.empty()) out = {Identity::client_secret, Identity::workload_identity, Identity::managed_identity};
  return out;
}

std::string first_of(std::string given, std::optional<std::string> otherwise) {
  return !given.empty() ? std::move(given) : std::move(otherwise).value_or("");
}

std::string without_slash(std::string url) {
  while (!url.empty() && url.back() == '/')
    url.pop_back();
  return url;
}

bool is_there(Identity identity, const TokenSettings& known) {
  const bool is_application = !known.tenant.empty() && !known.client_id.empty();
  switch (identity) {
    case Identity::client_secret:
      return is_application && !known.client_secret.empty();
    case Identity::workload_identity:
      return is_application && !known.assertion_file.empty();
    case Identity::managed_identity:
      return true;
  }
  return false;
}

/// A certificate is somebody else than the machine: to go on as that would be a surprise.
void refuse_certificate(const Config& config, const TokenSettings& known) {
  for (const char* field : {"azureCertificate", "azureCertificateFile"}) {
    if (!config.get(field) || !known.client_secret.empty()) continue;
    throw Error(CLEAT_INVALID,
                std::string(field) +
                    ": certificates are not served: expected azureClientSecret, a workload identity "
                    "or a managed identity");
  }
}

}  // namespace

std::string storage_suffix(const Config& config) {
  return std::string(cloud_of(config).storage);
}

TokenSettings token_settings(const Config& config, const Environment& from) {
  TokenSettings out;
  const std::string_view authority = cloud_of(config).authority;
  out.tenant = first_of(config.text("azureTenantId"), from("AZURE_TENANT_ID"));
  out.client_id = first_of(config.text("azureClientId"), from("AZURE_CLIENT_ID"));
  out.client_secret = config.text("azureClientSecret");
  out.authority = without_slash(first_of("", from("AZURE_AUTHORITY_HOST")));
  if (out.authority.empty()) out.authority = authority;
  out.assertion_file = first_of("", from("AZURE_FEDERATED_TOKEN_FILE"));
  refuse_certificate(config, out);

  const std::vector<Identity> methods = methods_of(config);
  const auto found =
      std::find_if(methods.begin(), methods.end(), [&](Identity each) { return is_there(each, out); });
  if (found == methods.end()) {
    throw Error(
        CLEAT_INVALID,
        "no suitable token provider for Azure AD; errors: azureAuthMethods allows only what is not "
        "there: a secret needs azureTenantId, azureClientId and azureClientSecret, a workload identity "
        "AZURE_FEDERATED_TOKEN_FILE, AZURE_TENANT_ID and AZURE_CLIENT_ID");
  }
  out.identity = *found;
  if (out.identity == Identity::managed_identity) {
    // Only a field says which of several identities of a machine is meant: the variable is of workload identity.
    out.client_id = config.text("azureClientId");
    const auto endpoint = from("IDENTITY_ENDPOINT"), header = from("IDENTITY_HEADER");
    if (endpoint && header) {
      out.endpoint = *endpoint;
      out.endpoint_header = *header;
    } else {
      out.endpoint = without_slash(first_of("", from("AZURE_POD_IDENTITY_AUTHORITY_HOST")));
      if (out.endpoint.empty()) out.endpoint = kMetadata;
      out.endpoint += "/metadata/identity/oauth2/token";
    }
  }
  return out;
}

}  // namespace cleat::azure
