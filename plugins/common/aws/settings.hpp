#pragma once

#include <cleat/values.hpp>

#include <string>
#include <string_view>

#include "common/aws/keys.hpp"

namespace cleat::aws {

/// What every AWS component has among its fields.
struct Settings {
  std::string region;
  std::string endpoint;  ///< scheme and host, without a '/' at its end
  std::string ca;        ///< PEM text of who signs the endpoint's certificate; the system's without it
  KeyOptions keys;
};

/// `service` is the name in the address (sqs). `named` is the region that a name of the service holds, if it does; an
/// explicit field wins. An endpoint without a scheme is refused, or, with `scheme`, gets that. Throws Error(CLEAT_INVALID or
/// CLEAT_UNSUPPORTED) that names the field, never with a secret.
Settings parse_settings(const Config& config, const std::string& service, const std::string& named = {},
                        std::string_view scheme = {});

/// "https://sqs.eu-west-1.amazonaws.com", with the domain of the region's partition.
std::string usual_endpoint(const std::string& service, const std::string& region);

/// The parts of arn:partition:service:region:account:resource; all empty if it is none.
struct Arn {
  std::string service, region, account, resource;
};
Arn parse_arn(std::string_view text);

}  // namespace cleat::aws
