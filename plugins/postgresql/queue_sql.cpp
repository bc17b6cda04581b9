#include "queue_sql.hpp"

namespace cleat::postgresql {

QueueSql::QueueSql(const QueueTable& table) {
  const std::string& name = table.table;
  const std::string& id = table.id;
  const std::string free =
      "q.state = 'ready' AND (q.not_before IS NULL OR q.not_before <= now()) AND (q.locked_until IS NULL OR "
      "q.locked_until <= now())";
  // One row of a lane at a time, the earliest: what comes after it waits until it is settled.
  const std::string first_of_lane = table.lane.empty()
                                        ? ""
                                        : " AND (q." + table.lane + " IS NULL OR NOT EXISTS (SELECT 1 FROM " +
                                              name + " e WHERE e." + table.lane + " = q." + table.lane +
                                              " AND e." + id + " < q." + id + " AND e.state = 'ready'))";
  claim = "WITH picked AS (SELECT q." + id + " AS id FROM " + name + " q WHERE " + free + first_of_lane +
          " ORDER BY q." + id + " LIMIT $1::bigint FOR UPDATE SKIP LOCKED), claimed AS (UPDATE " + name +
          " q SET lease_token = $2::text, locked_until = now() + $3::bigint * interval '1 ms', not_before = "
          "NULL, attempts = q.attempts + 1 "
          "FROM picked WHERE q." +
          id + " = picked.id RETURNING q.*) SELECT " + id + "::text, " + table.payload + ", attempts, " +
          (table.lane.empty() ? std::string("NULL") : table.lane + "::text") + ", " +
          (table.metadata.empty() ? std::string("NULL") : table.metadata + "::text") + ", " + id +
          " FROM claimed ORDER BY 6";
  const std::string ours = name + " q USING unnest($1::text[], $2::text[]) AS mine(id, token)";
  const std::string is_ours =
      "q." + id + "::text = mine.id AND q.lease_token = mine.token AND q.state = 'ready'";
  const std::string from_ours = " FROM unnest($1::text[], $2::text[]) AS mine(id, token) WHERE " + is_ours;
  renew = "UPDATE " + name + " q SET locked_until = now() + $3::bigint * interval '1 ms'" + from_ours +
          " RETURNING mine.token || ' ' || mine.id";
  done = table.keeps_done
             ? "UPDATE " + name + " q SET state = 'done', locked_until = NULL, lease_token = NULL" + from_ours
             : "DELETE FROM " + ours + " WHERE " + is_ours;
  const std::string one = " WHERE q." + id + "::text = $1 AND q.lease_token = $2 AND q.state = 'ready'";
  requeue =
      "UPDATE " + name +
      " q SET locked_until = NULL, lease_token = NULL, not_before = now() + $3::bigint * interval '1 ms'" +
      one;
  abandon = "UPDATE " + name +
            " q SET locked_until = NULL, lease_token = NULL, attempts = greatest(q.attempts - 1, 0)" +
            from_ours;
  reject = "UPDATE " + name + " q SET state = 'dead', locked_until = NULL, lease_token = NULL" + one;
  next_due =
      "SELECT ceil(extract(epoch FROM min(greatest(coalesce(q.not_before, now()), coalesce(q.locked_until, "
      "now()))) - now()) * 1000)::bigint FROM " +
      name + " q WHERE q.state = 'ready' AND (q.not_before > now() OR q.locked_until > now())";
  if (!table.channel.empty()) {
    listen = "LISTEN \"";
    for (const char c : table.channel)
      listen.append(c == '"' ? 2 : 1, c);
    listen += '"';
  }
}

}  // namespace cleat::postgresql
