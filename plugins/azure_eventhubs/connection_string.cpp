#include "connection_string.hpp"

#include <cleat/plugin.hpp>

#include <algorithm>

#include "common/text.hpp"

namespace cleat::eventhubs {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw Error(CLEAT_INVALID,
              "connectionString: " + what +
                  "; expected Endpoint=sb://<namespace>.servicebus.windows.net/;SharedAccessKeyName=<name>;"
                  "SharedAccessKey=<key>, as the portal shows it");
}

/// "sb://shop.servicebus.windows.net:5671/" is at shop.servicebus.windows.net.
std::string host_of(std::string_view endpoint) {
  const std::size_t scheme = endpoint.find("://");
  if (scheme != std::string_view::npos) endpoint.remove_prefix(scheme + 3);
  return std::string(endpoint.substr(0, endpoint.find_first_of(":/")));
}

}  // namespace

ConnectionString parse_connection_string(std::string_view text) {
  ConnectionString out;
  bool has_name = false, has_key = false, has_signature = false;
  for (const std::string_view part : common::split_list(text, ';')) {
    const std::size_t equals = part.find('=');  // a key ends with more of them
    if (equals == std::string_view::npos) refuse("a part has no '='");
    const std::string name = common::lower(common::trimmed(part.substr(0, equals)));
    const std::string_view value = common::trimmed(part.substr(equals + 1));
    if (name == "endpoint") out.host = host_of(value);
    if (name == "entitypath") out.entity_path = value;
    if (name == "usedevelopmentemulator") out.is_emulator = common::equal_ignoring_case(value, "true");
    has_name = has_name || (name == "sharedaccesskeyname" && !value.empty());
    has_key = has_key || (name == "sharedaccesskey" && !value.empty());
    has_signature = has_signature || (name == "sharedaccesssignature" && !value.empty());
  }
  if (out.host.empty()) refuse("it has no Endpoint");
  if (!has_signature && !has_name) refuse("it has no SharedAccessKeyName");
  if (!has_signature && !has_key) refuse("it has no SharedAccessKey");
  return out;
}

}  // namespace cleat::eventhubs
