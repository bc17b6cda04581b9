#include "queue_settler.hpp"

#include <iterator>
#include <utility>

#include "queue_values.hpp"

namespace cleat::postgresql {

void QueueSettler::add(Verdict verdict, Lease lease, std::uint32_t delay_ms) {
  Batch& batch = waiting_.at(verdict);
  batch.leases.push_back(std::move(lease));
  if (verdict == kRequeue) batch.delays_ms.push_back(std::to_string(delay_ms));
}

QueueSettler::Batch QueueSettler::take(std::size_t most) {
  for (int each = kDone; each < kVerdicts; ++each) {
    const auto verdict = static_cast<Verdict>(each);
    Batch& waiting = waiting_.at(verdict);
    if (waiting.leases.empty()) continue;
    waiting.verdict = verdict;
    Batch out = std::exchange(waiting, Batch{});
    if (out.leases.size() <= most) return out;
    const auto keep = [most](auto& from, auto& to) {
      if (from.empty()) return;
      const auto rest = from.begin() + static_cast<std::ptrdiff_t>(most);
      to.assign(std::make_move_iterator(rest), std::make_move_iterator(from.end()));
      from.erase(rest, from.end());
    };
    keep(out.leases, waiting.leases);
    keep(out.delays_ms, waiting.delays_ms);
    waiting.is_repeated = out.is_repeated;
    return out;
  }
  return {};
}

void QueueSettler::put_back(Batch batch) {
  Batch& waiting = waiting_.at(batch.verdict);
  const auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  append(waiting.leases, batch.leases);
  append(waiting.delays_ms, batch.delays_ms);
  waiting.is_repeated = true;
}

std::size_t QueueSettler::size() const {
  std::size_t count = 0;
  for (const Batch& batch : waiting_)
    count += batch.leases.size();
  return count;
}

void QueueSettler::append_leases(std::vector<Lease>& to) const {
  for (const Batch& batch : waiting_)
    to.insert(to.end(), batch.leases.begin(), batch.leases.end());
}

Statement QueueSettler::statement(const QueueSql& sql, const Batch& batch) {
  const std::array<const std::string*, kVerdicts> texts{&sql.done, &sql.reject, &sql.abandon, &sql.requeue};
  Statement out;
  out.sql = *texts.at(batch.verdict);
  out.parameters = lease_parameters(batch.leases);
  if (batch.verdict == kRequeue) out.parameters.emplace_back(array_text(batch.delays_ms));
  return out;
}

Statement::Values lease_parameters(const std::vector<Lease>& leases) {
  std::vector<std::string> ids, tokens;
  for (const Lease& lease : leases) {
    ids.push_back(lease.id);
    tokens.push_back(lease.token);
  }
  const std::string id_text = array_text(ids);
  return {id_text, id_text, array_text(tokens)};
}

}  // namespace cleat::postgresql
