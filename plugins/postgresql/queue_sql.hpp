#pragma once

#include <string>

#include "pg_config.hpp"

namespace cleat::postgresql {

/// The statements that read and settle a queue table. Parameters are numbered as said.
struct QueueSql {
  explicit QueueSql(const QueueTable& table);

  std::string claim;  ///< $1 number of rows, $2 token, $3 lease in ms
  std::string
      renew;  ///< $1 ids, $2 tokens (arrays of equal length), $3 lease in ms; gives the tokens that are still ours
  std::string done;      ///< $1 ids, $2 tokens
  std::string requeue;   ///< $1 id, $2 token, $3 delay in ms
  std::string abandon;   ///< $1 ids, $2 tokens
  std::string reject;    ///< $1 id, $2 token
  std::string next_due;  ///< milliseconds until a row may come again; nothing if there is none
  std::string listen;    ///< empty without a channel
};

}  // namespace cleat::postgresql
