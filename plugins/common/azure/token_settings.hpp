#pragma once

#include <cleat/values.hpp>

#include <string>

#include "common/environment.hpp"

namespace cleat::azure {

/// How to become somebody for Microsoft Entra ID: one of these.
enum class Identity {
  client_secret,      ///< an application with a secret
  workload_identity,  ///< an application that shows a token of Kubernetes, from a file that is read each time
  managed_identity,   ///< what the machine is: App Service by its endpoint, otherwise the metadata address
};

struct TokenSettings {
  Identity identity = Identity::managed_identity;
  std::string tenant, client_id, client_secret;
  std::string authority;        ///< where tokens are: "https://login.microsoftonline.com"
  std::string assertion_file;   ///< of workload identity
  std::string endpoint;         ///< of managed identity
  std::string endpoint_header;  ///< the secret that App Service gives for it; empty: the metadata address
};

using common::Environment;
using common::environment;

/// From the fields azureTenantId, azureClientId, azureClientSecret, azureEnvironment and azureAuthMethods, and the variables
/// that Azure's own libraries read. The first of secret, workload identity and managed identity that is there counts, or
/// that azureAuthMethods names. Throws Error(CLEAT_INVALID) that names the field. Reads no file and asks nobody.
TokenSettings token_settings(const Config& config, const Environment& from = environment);

/// "core.windows.net" of the public cloud, after azureEnvironment: what the names of its storage end with.
std::string storage_suffix(const Config& config);

}  // namespace cleat::azure
