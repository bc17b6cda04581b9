#include <algorithm>
#include <utility>

#include "common/deadlines.hpp"
#include "common/url.hpp"
#include "receiver.hpp"

namespace cleat::storagequeues {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostAsking = 64;
/// What is settled leaves the rest of kMostAsking to renewals, also when each of its requests hangs.
constexpr std::size_t kMostSettling = 48;
constexpr auto kAnswerWithin = 10s;
constexpr auto kFirstAgain = 500ms, kMostAgain = 30'000ms;
/// Of what is done and could not be deleted; the oldest is forgotten.
constexpr std::size_t kMostDone = 1000;
constexpr std::chrono::seconds kWeek{7 * 24 * 3600};

/// For a renewal: half of what is left of the message's time, so that one that hangs is asked again before the end.
std::chrono::steady_clock::duration renewal_within(std::chrono::steady_clock::duration left) {
  return std::clamp<std::chrono::steady_clock::duration>(left / 2, 100ms, kAnswerWithin);
}

/// After a renewal that failed: soon, and not so late that the end comes before, whatever the service asks for.
std::chrono::steady_clock::duration renewal_again(std::chrono::steady_clock::duration left,
                                                  std::chrono::milliseconds asked) {
  return std::min<std::chrono::steady_clock::duration>(left / 4,
                                                       std::max<std::chrono::milliseconds>(1000ms, asked));
}

std::string path_of(const std::string& id) {
  return "/messages/" + common::encoded_path(id, false);
}

}  // namespace

void Receiver::settle(const std::vector<cleat_settlement>& items) {
  for (const cleat_settlement& one : items)
    settle_one(one);
  is_host_full_ = false;
  run();
  deliver_backlog();
  pump();
}

void Receiver::settle_one(const cleat_settlement& one) {
  const auto found = leases_.find(one.event_id);
  if (found == leases_.end() || found->second.wish != Wish::keep) return;
  Lease& lease = found->second;
  const bool is_left = lease.is_lost || (one.flags & CLEAT_MAY_STILL_RUN) != 0;
  if (one.verdict == CLEAT_ACK) {
    // Of a lost one, too: it is still there if nobody got it meanwhile.
    lease.wish = Wish::remove;
  } else if (is_left) {
    return forget(one.event_id);
  } else {
    lease.wish = Wish::give_back;
    if (one.verdict != CLEAT_ABANDON)
      lease.give_back_after = std::min(whole_seconds(std::chrono::milliseconds(one.requeue_after_ms)), kWeek);
  }
  ++settled_count_;
  lease.again = {};
  enqueue(one.event_id, lease);
}

void Receiver::look_after_soon() {
  if (lease_timer_ != 0 || is_closed_ || leases_.empty()) return;
  lease_timer_ =
      loop_.after(std::clamp<std::chrono::milliseconds>(config_.visibility / 8, 100ms, 1000ms), [this] {
        lease_timer_ = 0;
        look_after();
        look_after_soon();
      });
}

/// Renews what is past the half of its time, and gives up what is past its end.
void Receiver::look_after() {
  const Clock::time_point now = Clock::now();
  std::vector<std::uint64_t> over;
  for (auto& [number, lease] : leases_) {
    if (lease.wish == Wish::keep && !lease.is_lost && lease.until <= now) {
      over.push_back(number);
    } else if (lease.again <= now && !lease.is_lost &&
               (lease.wish != Wish::keep || lease.until - now <= config_.visibility / 2)) {
      enqueue(number, lease);
    } else if (lease.is_lost && lease.wish == Wish::remove && lease.again <= now) {
      enqueue(number, lease);
    }
  }
  for (const std::uint64_t number : over)
    lose(number, "its time ran out before it could be renewed");
  run();
}

void Receiver::enqueue(std::uint64_t number, Lease& lease) {
  if (lease.is_queued || lease.is_asked) return;
  lease.is_queued = true;
  (lease.wish == Wish::keep ? renewals_ : todo_).push_back(number);
}

/// A renewal that comes late costs more than a deletion that does.
std::optional<std::uint64_t> Receiver::next_to_ask() {
  // Some were settled while they waited.
  while (!renewals_.empty()) {
    const auto found = leases_.find(renewals_.front());
    if (found != leases_.end() && found->second.wish == Wish::keep) break;
    if (found != leases_.end()) todo_.push_back(renewals_.front());
    renewals_.pop_front();
  }
  const bool is_renewal = !renewals_.empty();
  if (asking_ >= (is_renewal ? kMostAsking : kMostSettling) || (!is_renewal && todo_.empty()))
    return std::nullopt;
  std::deque<std::uint64_t>& from = is_renewal ? renewals_ : todo_;
  const std::uint64_t number = from.front();
  from.pop_front();
  return number;
}

void Receiver::run() {
  // What fails at once comes back here from inside a request.
  if (std::exchange(is_running_, true)) return;
  while (!is_closed_) {
    const auto number = next_to_ask();
    if (!number) break;
    const auto found = leases_.find(*number);
    if (found == leases_.end()) continue;
    found->second.is_queued = false;
    request(*number, found->second);
  }
  is_running_ = false;
  look_if_settled();
}

void Receiver::request(std::uint64_t number, Lease& lease) {
  ++asking_;
  lease.is_asked = true;
  switch (lease.wish) {
    case Wish::keep:
      return change(number, lease, config_.visibility, renewal_within(lease.until - Clock::now()));
    case Wish::give_back:
      return change(number, lease, lease.give_back_after, kAnswerWithin);
    case Wish::remove:
      return remove(number, lease);
  }
}

void Receiver::change(std::uint64_t number, const Lease& lease, std::chrono::seconds visibility,
                      Clock::duration within) {
  azure::ServiceRequest request;
  request.what = "Update Message";
  request.method = "PUT";
  request.path = path_of(lease.id);
  request.query = {{"popreceipt", lease.receipt}, {"visibilitytimeout", std::to_string(visibility.count())}};
  request.deadline_ns = common::ns_after(within);
  queue_.ask(std::move(request), [this, number, wish = lease.wish, asked_at = Clock::now()](
                                     common::HttpResponse* answer, const azure::Failure* failure) {
    changed(number, wish, asked_at, answer, failure);
  });
}

void Receiver::changed(std::uint64_t number, Wish asked, Clock::time_point asked_at,
                       const common::HttpResponse* answer, const azure::Failure* failure) {
  --asking_;
  const auto found = leases_.find(number);
  if (found == leases_.end()) return run();
  Lease& lease = found->second;
  lease.is_asked = false;
  if (answer != nullptr) {
    std::string receipt = common::header_of(*answer, "x-ms-popreceipt");
    if (receipt.empty()) {
      host_.log(CLEAT_LOG_WARN,
                "a message was changed and the answer has no new receipt: the one before is kept",
                {{"queue", config_.queue}, {"messageID", lease.id}});
      lease.is_unsure = true;
      lease.again = Clock::now() + renewal_again(lease.until - Clock::now(), 0ms);
    } else {
      lease.is_unsure = false;
      lease.receipt = std::move(receipt);
      lease.until = asked_at + config_.visibility;
    }
  }
  // Nobody knows then whether the receipt is still the latest. What may be tried again was certainly not carried out.
  const bool is_answered = failure == nullptr || (failure->http_status >= 400 && failure->http_status < 500);
  if (!is_answered && !failure->is_retryable) lease.is_unsure = true;
  if (lease.wish != asked) {
    // It was settled meanwhile.
    enqueue(number, lease);
  } else if (asked == Wish::give_back) {
    // If it failed the message comes again when its time is over.
    forget(number);
  } else if (failure != nullptr) {
    const bool is_gone = failure->code == "MessageNotFound" || failure->code == "PopReceiptMismatch";
    if (!is_gone && failure->status == CLEAT_INVALID) {
      // Such as one that would last longer than the message itself. It is ours for the time that it has.
      lease.again = lease.until;
    } else if (is_gone) {
      lose(number,
           lease.is_unsure
               ? failure->text +
                     ": the answer to its last renewal was lost, and with it the receipt; it comes again"
               : failure->text);
    } else {
      const Clock::time_point now = Clock::now();
      lease.again =
          now + renewal_again(lease.until - now, std::chrono::milliseconds(failure->retry_after_ms));
    }
  }
  run();
}

void Receiver::remove(std::uint64_t number, const Lease& lease) {
  azure::ServiceRequest request;
  request.what = "Delete Message";
  request.method = "DELETE";
  request.path = path_of(lease.id);
  request.query = {{"popreceipt", lease.receipt}};
  request.may_run_twice = true;
  request.done_status = 204;
  request.deadline_ns = common::ns_after(kAnswerWithin);
  queue_.ask(std::move(request), [this, number](common::HttpResponse*, const azure::Failure* failure) {
    removed(number, failure);
  });
}

void Receiver::removed(std::uint64_t number, const azure::Failure* failure) {
  --asking_;
  const auto found = leases_.find(number);
  if (found != leases_.end()) {
    Lease& lease = found->second;
    lease.is_asked = false;
    const bool is_gone =
        failure != nullptr && (failure->code == "MessageNotFound" || failure->code == "PopReceiptMismatch");
    if (failure == nullptr || is_gone || failure->status == CLEAT_INVALID) {
      if (failure != nullptr) remember(lease, failure->text);
      forget(number);
    } else {
      if (!lease.back_off) lease.back_off.emplace(kFirstAgain, kMostAgain);
      lease.again =
          Clock::now() + std::max(lease.back_off->next(), std::chrono::milliseconds(failure->retry_after_ms));
    }
  }
  run();
  pump();
}

/// It is done here: if it comes back to us it is deleted, and not delivered a second time.
void Receiver::remember(const Lease& lease, const std::string& why) {
  host_.log(CLEAT_LOG_WARN,
            lease.is_unsure
                ? "a message that was handled could not be deleted: the answer to its last renewal "
                  "was lost, and it comes again, to others as well"
                : "a message that was handled could not be deleted: others may have got it as well",
            {{"queue", config_.queue}, {"messageID", lease.id}, {"error", why}});
  if (done_.size() >= kMostDone) done_.pop_front();
  done_.push_back(lease.id);
}

void Receiver::lose(std::uint64_t number, const std::string& why) {
  Lease& lease = leases_[number];
  host_.log(CLEAT_LOG_WARN, "the right to a message was lost; others may get it as well",
            {{"queue", config_.queue}, {"messageID", lease.id}, {"why", why}});
  if (lease.is_out) {
    lease.is_lost = true;
    host_.withdraw(CLEAT_BY_EVENT, &number, 1);
    return;
  }
  backlog_.erase(std::remove_if(backlog_.begin(), backlog_.end(),
                                [number](const auto& each) { return each.first == number; }),
                 backlog_.end());
  forget(number);
}

void Receiver::forget(std::uint64_t number) {
  const auto found = leases_.find(number);
  if (found == leases_.end()) return;
  if (found->second.wish != Wish::keep) --settled_count_;
  const auto named = numbers_.find(found->second.id);
  if (named != numbers_.end() && named->second == number) numbers_.erase(named);
  leases_.erase(found);
  look_if_settled();
}

}  // namespace cleat::storagequeues
