#pragma once

#include <cleat/values.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "parameters.hpp"

namespace cleat::postgresql {

/// The table that an input reads, and what its columns are called: as SQL takes it, but for `name` and `channel`.
struct QueueTable {
  std::string name, table, id = "\"id\"", payload = "\"payload\"";
  std::string lane, metadata;  ///< may be empty: there is none
  std::string state = "\"state\"", attempts = "\"attempts\"", not_before = "\"not_before\"",
              locked_until = "\"locked_until\"", token = "\"lease_token\"";
  std::string channel;
  bool keeps_done = false;  ///< a settled row is marked and not deleted
  bool is_strict = false;   ///< the whole table is one lane
  std::chrono::milliseconds lease{60'000}, poll{1'000};
};

struct PgConfig {
  Parameters login;
  std::size_t max_connections = 4;
  std::chrono::nanoseconds connect_within{std::chrono::seconds(20)};
  std::chrono::nanoseconds max_idle{0};  ///< 0: for ever
  std::uint64_t max_result_bytes = 0;
  QueueTable queue;
};

/// Throws Error(CLEAT_INVALID or CLEAT_UNSUPPORTED) that names the field, never with a password.
PgConfig parse_config(const Config& config, std::uint32_t directions);

/// Takes out of a connection string what only Dapr's client understands (`pool_...` and the like), which libpq refuses,
/// and gives it.
Parameters take_foreign_parameters(std::string& connection_string);

/// Between quotes that it cannot end.
std::string quoted_identifier(std::string_view name);

/// The same, "schema.table" as two.
std::string quoted_name(std::string_view name);

}  // namespace cleat::postgresql
