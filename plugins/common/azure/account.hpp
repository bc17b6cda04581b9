#pragma once

#include <cleat/values.hpp>

#include <optional>
#include <string>
#include <string_view>

#include "common/azure/token_settings.hpp"

namespace cleat::azure {

enum class Service { blob, queue };

/// A storage account: where it is, and how we are somebody for it. By a key, by a shared access signature, or by a token.
struct Account {
  std::string name;
  std::string url;  ///< of the service, without a slash at the end
  std::string key;  ///< its bytes, a secret
  std::string sas;  ///< a query without its question mark, a secret
  std::optional<TokenSettings> token;
};

/// What a type calls the fields that its account is read from.
struct AccountFields {
  const char* connection_string = "connectionString";
  const char* name = "accountName";
  const char* key = "accountKey";
  const char* sas = "sasToken";  ///< null: the type has none
  const char* endpoint = "endpoint";
};

/// From these fields and those of token_settings(). Throws Error(CLEAT_INVALID) that names the field, never with a secret.
Account account_of(const Config& config, Service service, const AccountFields& fields = {},
                   const Environment& from = environment);

}  // namespace cleat::azure
