#include "common/aws/body_hashes.hpp"

#include <chrono>
#include <utility>

namespace cleat::aws {
namespace {

constexpr std::size_t kMostWaiting = 4096;

const common::ServiceFailure kLate{
    CLEAT_TIMEOUT, true, 0, 0, {}, "the body was not hashed within the time of the call"};
const common::ServiceFailure kCancelled{
    CLEAT_CANCELLED, false, 0, 0, {}, "nobody waits for the answer any more"};
const common::ServiceFailure kStopped{
    CLEAT_CANCELLED, true, 0, 0, {}, "the component stopped before the body was hashed"};
const common::ServiceFailure kFull{
    CLEAT_THROTTLED, true, 0, 0, {}, "4096 bodies wait to be hashed, more may not"};

}  // namespace

BodyHashes::BodyHashes(common::EventLoop& loop)
    : loop_(loop), waiting_(loop, kMostWaiting, [](const Job& late) { late.done(nullptr, &kLate); }) {}

void BodyHashes::add(std::string_view body, std::uint64_t tag, std::uint64_t deadline_ns, Done done) {
  if (waiting_.is_full()) return done(nullptr, &kFull);
  const Deadline deadline{deadline_ns};
  waiting_.add(deadline, {body, tag, deadline, std::move(done)});
  go_on();
}

void BodyHashes::go_on() {
  const bool is_idle = !current_ && waiting_.is_empty();
  if (is_turn_due_ || is_idle) return;
  is_turn_due_ = loop_.post([this] {
    is_turn_due_ = false;
    turn();
  });
}

/// The hash, when all of the body is in it.
std::optional<std::string> BodyHashes::add_piece(Job& job) {
  if (!job.hash) job.hash.emplace();
  const std::string_view piece = job.body.substr(job.at, kPieceBytes);
  job.hash->add(piece);
  job.at += piece.size();
  if (job.at < job.body.size()) return std::nullopt;
  return job.hash->hex();
}

void BodyHashes::turn() {
  if (!current_) current_ = waiting_.take_first();
  if (!current_) return;
  if (std::chrono::steady_clock::now() >= current_->deadline.time()) {
    end_current(nullptr, &kLate);
    return go_on();
  }
  std::optional<std::string> hash;
  std::optional<common::ServiceFailure> failure;
  try {
    hash = add_piece(*current_);
  } catch (const Error& error) {
    failure = {error.status, false, 0, 0, {}, error.what()};
  }
  if (hash || failure) end_current(hash ? &*hash : nullptr, failure ? &*failure : nullptr);
  go_on();
}

void BodyHashes::end_current(const std::string* hash, const common::ServiceFailure* failure) {
  const Done done = std::move(current_->done);
  current_.reset();  // who is told may add the next
  done(hash, failure);
}

void BodyHashes::cancel(std::uint64_t tag) {
  const auto is_meant = [tag](const Job& job) { return job.tag == tag; };
  if (current_ && is_meant(*current_)) end_current(nullptr, &kCancelled);
  while (const auto job = waiting_.take(is_meant))
    job->done(nullptr, &kCancelled);
}

void BodyHashes::close() {
  if (current_) end_current(nullptr, &kStopped);
  for (const Job& job : waiting_.take_all())
    job.done(nullptr, &kStopped);
}

}  // namespace cleat::aws
