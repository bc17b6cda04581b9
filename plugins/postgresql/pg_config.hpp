#pragma once

#include <cleat/values.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cleat::postgresql {

/// The table that an input reads, and what its columns are called.
struct QueueTable {
  std::string table, id, payload, lane, metadata, channel;
  bool keeps_done = false;  ///< a settled row is marked and not deleted
  std::chrono::milliseconds lease{60'000}, poll{1'000};
};

struct PgConfig {
  /// For libpq in this order, later ones over earlier ones; the first may be a whole connection string.
  std::vector<std::pair<std::string, std::string>> parameters;
  std::size_t max_connections = 4;
  std::chrono::nanoseconds connect_within{std::chrono::seconds(20)};
  std::chrono::nanoseconds max_idle{0};  ///< 0: for ever
  std::uint64_t max_result_bytes = 0;
  QueueTable queue;
};

/// Throws Error(CLEAT_INVALID or CLEAT_UNSUPPORTED) that names the field, never with a password.
PgConfig parse_config(const Config& config, std::uint32_t directions);

/// A connection string without what only Dapr's client understands (`pool_...` and the like), which libpq refuses.
std::string without_foreign_parameters(const std::string& connection_string);

/// A name as SQL takes it, "schema.table" as two.
std::string quoted_name(std::string_view name);

}  // namespace cleat::postgresql
