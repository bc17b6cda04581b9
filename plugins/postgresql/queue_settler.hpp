#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "pg_link.hpp"
#include "queue_sql.hpp"

namespace cleat::postgresql {

/// The right to a row: whose lease has this token may settle it.
struct Lease {
  std::string id, token;
};

/// What was decided and is not in the table yet: of each verdict all of it goes in one statement, so that the table keeps
/// up however many rows there are. A settlement is fenced by its token, so that a second time does no harm.
class QueueSettler {
 public:
  enum Verdict { kDone, kReject, kAbandon, kRequeue, kVerdicts };
  /// Of one statement.
  struct Batch {
    Verdict verdict = kDone;
    std::vector<Lease> leases;
    std::vector<std::string> delays_ms;  ///< of requeued rows, one for each
    bool is_repeated = false;
  };

  void add(Verdict verdict, Lease lease, std::uint32_t delay_ms = 0);
  static constexpr std::size_t kMostAtOnce = 1000;

  /// What comes next, `most` rows of it; empty if nothing waits.
  Batch take(std::size_t most = kMostAtOnce);
  /// It may not be in the table.
  void put_back(Batch batch);
  [[nodiscard]] std::size_t size() const;
  void append_leases(std::vector<Lease>& to) const;
  /// The one that is not known to be in the table or not counts as waiting.
  [[nodiscard]] static Statement statement(const QueueSql& sql, const Batch& batch);

 private:
  std::array<Batch, kVerdicts> waiting_{};
};

/// The first three parameters of statements about leases.
Statement::Values lease_parameters(const std::vector<Lease>& leases);

}  // namespace cleat::postgresql
