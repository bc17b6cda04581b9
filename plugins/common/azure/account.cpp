#include "common/azure/account.hpp"

#include <map>

#include "common/base64.hpp"
#include "common/text.hpp"

namespace cleat::azure {
namespace {

// The emulator's own account, the same everywhere.
constexpr const char* kEmulator = "devstoreaccount1";
constexpr const char* kEmulatorKey =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

std::string without_slash(std::string url) {
  while (!url.empty() && url.back() == '/')
    url.pop_back();
  return url;
}

void check_url(const std::string& url, const std::string& field) {
  const std::string beginning = common::lower(url.substr(0, 8));
  const bool has_blank = url.find_first_of(" \t\r\n?#@") != std::string::npos;
  if ((beginning.compare(0, 7, "http://") != 0 && beginning != "https://") || has_blank) {
    throw Error(
        CLEAT_INVALID,
        field +
            ": expected an address such as https://account.blob.core.windows.net, without user, query "
            "and blanks; found another one");
  }
}

std::string key_of(const std::string& text, const std::string& field) {
  const auto key = common::from_base64(text);
  if (!key || key->empty()) {
    throw Error(CLEAT_INVALID,
                field +
                    ": expected the key of the account in base64, as the portal shows it; found "
                    "something else");
  }
  return *key;
}

std::string sas_of(std::string text) {
  if (!text.empty() && text.front() == '?') text.erase(0, 1);
  return text;
}

/// "Name=value;Name=value"; a value may hold '='.
std::map<std::string, std::string> parts_of(const std::string& text, const std::string& field) {
  std::map<std::string, std::string> out;
  for (const std::string_view part : common::split_list(text, ';')) {
    const std::size_t at = part.find('=');
    if (at == std::string_view::npos || at == 0) {
      throw Error(CLEAT_INVALID,
                  field + ": expected Name=value parts with ';' between them; found a part without '='");
    }
    out[common::lower(part.substr(0, at))] = common::trimmed(part.substr(at + 1));
  }
  return out;
}

Account of_connection_string(const std::string& text, Service service, const std::string& field) {
  auto parts = parts_of(text, field);
  const char* const label = service == Service::blob ? "blob" : "queue";
  Account out;
  if (common::equal_ignoring_case(parts["usedevelopmentstorage"], "true")) {
    out.name = kEmulator;
    out.key = key_of(kEmulatorKey, field);
    std::string base = without_slash(parts["developmentstorageproxyuri"]);
    if (base.empty()) base = "http://127.0.0.1";
    out.url = base + (service == Service::blob ? ":10000/" : ":10001/") + kEmulator;
    return out;
  }
  out.name = parts["accountname"];
  if (!parts["accountkey"].empty()) out.key = key_of(parts["accountkey"], field + ": AccountKey");
  if (out.key.empty()) out.sas = sas_of(parts["sharedaccesssignature"]);
  if (out.key.empty() && out.sas.empty())
    throw Error(CLEAT_INVALID, field + ": expected AccountKey or SharedAccessSignature; found neither");
  if (out.name.empty() && !out.key.empty())
    throw Error(CLEAT_INVALID, field + ": expected AccountName beside AccountKey; found none");
  out.url = without_slash(parts[std::string(label) + "endpoint"]);
  if (out.url.empty()) {
    if (out.name.empty()) {
      throw Error(CLEAT_INVALID, field + ": expected AccountName, or " +
                                     (service == Service::blob ? "BlobEndpoint" : "QueueEndpoint") +
                                     "; found neither");
    }
    const std::string protocol = parts["defaultendpointsprotocol"], suffix = parts["endpointsuffix"];
    out.url = (protocol.empty() ? "https" : protocol) + "://" + out.name + "." + label + "." +
              (suffix.empty() ? "core.windows.net" : suffix);
  }
  check_url(out.url, field);
  return out;
}

}  // namespace

Account account_of(const Config& config, Service service, const AccountFields& fields,
                   const Environment& from) {
  const std::string text = config.text(fields.connection_string);
  if (!text.empty()) return of_connection_string(text, service, fields.connection_string);
  Account out;
  out.name = config.text(fields.name);
  if (out.name.empty())
    throw Error(CLEAT_INVALID, "missing or empty " + std::string(fields.name) + " field from metadata");
  const std::string key = config.text(fields.key);
  if (!key.empty()) {
    out.key = key_of(key, fields.key);
  } else {
    if (fields.sas != nullptr) out.sas = sas_of(config.text(fields.sas));
    if (out.sas.empty()) out.token = token_settings(config, from);
  }
  const std::string endpoint = without_slash(config.text(fields.endpoint));
  if (endpoint.empty()) {
    out.url =
        "https://" + out.name + (service == Service::blob ? ".blob." : ".queue.") + storage_suffix(config);
  } else {
    out.url = endpoint + "/" + out.name;
  }
  check_url(out.url, endpoint.empty() ? fields.name : fields.endpoint);
  return out;
}

}  // namespace cleat::azure
