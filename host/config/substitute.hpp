#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace cleat {

using EnvironmentLookup = std::function<std::optional<std::string>(const std::string& name)>;

/// The process's own environment.
std::optional<std::string> process_environment(const std::string& name);

/// What an envRef gives. The error says why it gives nothing: the name is blocked (as daprd does:
/// APP_API_TOKEN, DAPR_*, a name with blanks, one that DAPR_ENV_KEYS does not list when that is set), or the
/// variable is not there.
Result<std::string> read_env_ref(const std::string& name, const EnvironmentLookup& environment);

/// What {uuid}, {podName}, {namespace} and {appID} in a value stand for.
struct Templates {
  std::string app_id;
  std::string namespace_name;  ///< empty: "default"
  std::string pod_name;        ///< empty: {podName} is an error
  std::function<std::string()> new_uuid;
};

/// Replaces the templates in one pass, so that what they bring in is not looked at again. Other braces stay.
Result<std::string> expand_templates(std::string_view value, const Templates& templates);

/// A random UUID (version 4) from the system's random source.
std::string random_uuid();

}  // namespace cleat
