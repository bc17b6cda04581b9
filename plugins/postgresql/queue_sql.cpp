#include "queue_sql.hpp"

namespace cleat::postgresql {
namespace {

/// A row that nobody has and whose time has come.
std::string free_row(const QueueTable& table) {
  const auto is_past = [](const std::string& column) {
    return " AND (q." + column + " IS NULL OR q." + column + " <= now())";
  };
  return "q." + table.state + " = 'ready'" + is_past(table.not_before) + is_past(table.locked_until);
}

std::string id_and_size(const QueueTable& table) {
  return "SELECT q." + table.id + " AS id, coalesce(pg_column_size(q." + table.payload + "), 0) AS size";
}

/// The first free rows, of which `more` holds.
std::string in_order(const QueueTable& table, const std::string& more) {
  return id_and_size(table) + " FROM " + table.table + " q WHERE " + free_row(table) + more + " ORDER BY q." +
         table.id + " LIMIT $1::bigint FOR UPDATE OF q SKIP LOCKED";
}

/// The next lane's first row that is not settled, whether it is free or not. `after` bounds the lane from below.
std::string head(const QueueTable& table, const std::string& after) {
  return "SELECT q." + table.lane + " AS lane, q." + table.id + " AS id FROM " + table.table + " q WHERE q." +
         table.state + " = 'ready' AND q." + table.lane + after + " ORDER BY q." + table.lane + ", q." +
         table.id + " LIMIT 1";
}

/// Of each lane only its first row may be taken: what comes after it waits until that is settled. The lanes are walked
/// through by their index, from one's first row to the next one's, and no further than is needed; so it does not matter
/// how many rows wait in a lane.
std::string of_lanes(const QueueTable& table, const std::string& after) {
  return "RECURSIVE heads AS ((" + head(table, after) +
         ") UNION ALL SELECT n.lane, n.id FROM heads h CROSS JOIN LATERAL (" + head(table, " > h.lane") +
         ") n), laned AS (SELECT r.id, r.size FROM heads h CROSS JOIN LATERAL (" + id_and_size(table) +
         " FROM " + table.table + " q WHERE q." + table.id + " = h.id AND " + free_row(table) +
         " FOR UPDATE OF q SKIP LOCKED) r LIMIT $1::bigint), unlaned AS (" +
         in_order(table, " AND q." + table.lane + " IS NULL") +
         "), ready AS (SELECT * FROM (SELECT * FROM laned UNION ALL SELECT * FROM unlaned) r ORDER BY id "
         "LIMIT "
         "$1::bigint), ";
}

std::string first_of_all(const QueueTable& table) {
  return " AND q." + table.id + " = (SELECT e." + table.id + " FROM " + table.table + " e WHERE e." +
         table.state + " = 'ready' ORDER BY e." + table.id + " LIMIT 1)";
}

/// `ready` makes the rows of that name that may be taken.
std::string claim_of(const QueueTable& table, const std::string& ready) {
  const auto as_text = [](const std::string& column) {
    return column.empty() ? "NULL::text" : column + "::text";
  };
  const std::string order = table.lane.empty() ? "" : "claimed." + table.lane + " NULLS FIRST, ";
  return "WITH " + ready +
         "picked AS (SELECT id FROM (SELECT id, sum(size) OVER (ORDER BY id) - size AS before FROM ready) r "
         "WHERE before < $4::bigint), "
         "claimed AS (UPDATE " +
         table.table + " q SET " + table.token + " = $2::text, " + table.locked_until +
         " = now() + $3::bigint * interval '1 ms', " + table.not_before + " = NULL, " + table.attempts +
         " = q." + table.attempts + " + 1 FROM picked WHERE q." + table.id +
         " = picked.id RETURNING q.*) SELECT " + table.id + "::text, " + table.payload + ", " +
         table.attempts + "::text, " + as_text(table.lane) + ", " + as_text(table.metadata) +
         " FROM claimed ORDER BY " + order + "claimed." + table.id;
}

}  // namespace

QueueSql::QueueSql(const QueueTable& table) {
  if (!table.is_strict && !table.lane.empty()) {
    claim = claim_of(table, of_lanes(table, " IS NOT NULL"));
    claim_after = claim_of(table, of_lanes(table, " > $5"));
  } else {
    claim =
        claim_of(table, "ready AS (" + in_order(table, table.is_strict ? first_of_all(table) : "") + "), ");
  }
  const std::string update = "UPDATE " + table.table + " q SET ";
  const std::string is_ready = "q." + table.state + " = 'ready'";
  const std::string ours = " WHERE q." + table.id + " = ANY($1) AND (q." + table.id + "::text, q." +
                           table.token + ") IN (SELECT * FROM unnest($2::text[], $3::text[])) AND " +
                           is_ready;
  const std::string unlock = table.locked_until + " = NULL, " + table.token + " = NULL";
  const std::string uncount = ", " + table.attempts + " = greatest(q." + table.attempts + " - 1, 0)";
  renew = update + table.locked_until + " = now() + $4::bigint * interval '1 ms'" + ours + " RETURNING q." +
          table.token + " || ' ' || q." + table.id + "::text";
  done = table.keeps_done ? update + table.state + " = 'done', " + unlock + ours
                          : "DELETE FROM " + table.table + " q" + ours;
  reject = update + table.state + " = 'dead', " + unlock + ours;
  abandon = update + unlock + uncount + ours;
  requeue = update + unlock + ", " + table.not_before +
            " = now() + interval '1 ms' * (SELECT min(mine.delay) FROM unnest($2::text[], $4::bigint[]) AS "
            "mine(id, delay) WHERE mine.id = q." +
            table.id + "::text)" + ours;
  release = update + unlock + uncount + " WHERE q." + table.token + " = $1 AND " + is_ready;
  const std::string held_until =
      "greatest(coalesce(q." + table.not_before + ", now()), coalesce(q." + table.locked_until + ", now()))";
  next_due = "SELECT ceil(extract(epoch FROM min(" + held_until + ") FILTER (WHERE " + held_until +
             " > now()) - now()) * 1000)::bigint, bool_or(" + held_until + " <= now()) FROM " + table.table +
             " q WHERE " + is_ready;
  if (!table.channel.empty()) listen = "LISTEN " + quoted_identifier(table.channel);
}

}  // namespace cleat::postgresql
