#include "puller.hpp"

#include <algorithm>

#include "wire.hpp"

namespace cleat::nats {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::size_t kBatch = 256;
constexpr std::uint64_t kBatchBytes = std::uint64_t{8} << 20U, kOverhead = 64 * 1'024;
constexpr seconds kExpires{5}, kAnswerTime{3};
/// After the server ended a request for another reason than its time.
constexpr milliseconds kPause{500};
/// So long few free places wait for more of them.
constexpr milliseconds kGather{5};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

void Puller::use(const Consumer& consumer, Subscription::Take take) {
  consumer_ = consumer;
  take_ = std::move(take);
  most_ = consumer.max_batch > 0 ? std::min(kBatch, static_cast<std::size_t>(consumer.max_batch)) : kBatch;
  left_ = 0;
  not_before_ = last_asked_ = TimePoint();
}

void Puller::forget() {
  subscription_.reset();
  draining_.clear();
  left_ = 0;
}

Puller::TimePoint Puller::pull(Session& session, std::size_t room, std::size_t out, TimePoint now) {
  draining_.erase(
      std::remove_if(draining_.begin(), draining_.end(), [](const auto& one) { return one->is_drained(); }),
      draining_.end());
  if (left_ != 0) {
    if (now < expires_ + kAnswerTime) return expires_ + kAnswerTime;
    throw Error(CLEAT_UNAVAILABLE, "the NATS server does not answer: a request for messages has no end",
                CLEAT_RETRYABLE);
  }
  if (room == 0) return TimePoint::max();
  if (now < not_before_) return not_before_;
  const std::size_t enough = std::clamp<std::size_t>((room + out) / 4, 1, 32);
  if (room < enough && now < last_asked_ + kGather) return last_asked_ + kGather;
  ask(session, room, now);
  return expires_ + kAnswerTime;
}

void Puller::ask(Session& session, std::size_t room, TimePoint now) {
  if (!subscription_) {
    inbox_ = make_inbox(inbox_prefix_);
    subscription_ = std::make_unique<Subscription>(session, inbox_ + ".*", "", take_);
  }
  nanoseconds expires = kExpires;
  if (consumer_.max_expires_ns > 0) expires = std::min(expires, nanoseconds(consumer_.max_expires_ns));
  // A message that is larger than this would never come.
  auto bytes = std::max(
      kBatchBytes, static_cast<std::uint64_t>(std::max<std::int64_t>(session.max_payload(), 0)) + kOverhead);
  if (consumer_.max_bytes > 0) bytes = std::min(bytes, static_cast<std::uint64_t>(consumer_.max_bytes));
  const std::size_t batch = std::min(room, most_);
  const std::string request = pull_request(static_cast<std::uint32_t>(batch), bytes, expires.count());
  const natsStatus status = session.publish(subject_, inbox_ + "." + std::to_string(++number_), request);
  if (status != NATS_OK) {
    const Failure failure = failure_of(status, "messages cannot be asked for");
    throw Error(failure.status, failure.text, CLEAT_RETRYABLE, status);
  }
  left_ = asked_ = batch;
  last_asked_ = now;
  expires_ = now + std::chrono::duration_cast<TimePoint::duration>(expires);
}

void Puller::arrived() {
  if (left_ != 0) --left_;
}

std::string Puller::ended(const Message& message, TimePoint now) {
  const ServerStatus status = status_of(message);
  const bool is_ours = subscription_ && subject_of(message) == inbox_ + "." + std::to_string(number_);
  if (!is_ours || status.code == 0 || status.code == 100) return {};
  const bool was_fruitful = left_ != asked_;
  left_ = 0;
  // Its time is over, or it has got as many bytes as it may.
  if (status.code == 404 || status.code == 408 || (was_fruitful && contains(status.words, "MaxBytes")))
    return {};
  not_before_ = now + kPause;
  if (status.code == 503)
    throw Error(CLEAT_NOT_FOUND, "the consumer is not there, or its server is not ready", CLEAT_RETRYABLE);
  if (contains(status.words, "Consumer Deleted"))
    throw Error(CLEAT_NOT_FOUND, "the consumer was deleted", CLEAT_RETRYABLE);
  if (contains(status.words, "MaxRequestBatch")) most_ = std::max<std::size_t>(most_ / 2, 1);
  return "the NATS server ended a request for messages: " + std::to_string(status.code) + " " + status.words;
}

void Puller::stop() {
  left_ = 0;
  if (!subscription_) return;
  subscription_->drain();
  draining_.push_back(std::move(subscription_));
}

void Puller::wait_stopped(TimePoint end) {
  for (const auto& one : draining_)
    one->wait_drained(end);
}

}  // namespace cleat::nats
