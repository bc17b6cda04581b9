#pragma once

#include <string>

#include "pg_config.hpp"

namespace cleat::postgresql {

/// The statements that read and settle a queue table, with what their parameters are. Those that say "leases" take the ids
/// as $1, again as $2 (the first finds the rows by their index, whatever their type is, the second is compared as text with
/// $3), and the tokens as $3: arrays of equal length.
struct QueueSql {
  explicit QueueSql(const QueueTable& table);

  /// $1 number of rows, $2 token, $3 lease in ms, $4 bytes of payload after which no further row is taken. Gives id, payload,
  /// attempts, lane and metadata, by lane and
  /// id.
  std::string claim;
  std::string claim_after;  ///< the same, but of lanes only those after the one in $5; empty without lanes
  std::string renew;        ///< leases, $4 lease in ms; gives "token id" of those that are still ours
  std::string done;         ///< leases
  std::string reject;       ///< leases
  std::string abandon;      ///< leases
  std::string requeue;      ///< leases, $4 delays in ms, an array as long
  std::string release;      ///< $1 token: frees what was leased with it
  std::string next_due;     ///< milliseconds until a row may come, NULL if none will; whether one may now
  std::string listen;       ///< empty without a channel
};

}  // namespace cleat::postgresql
