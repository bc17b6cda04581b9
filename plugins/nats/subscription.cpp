#include "subscription.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace cleat::nats {

struct Subscription::Shared {
  Take take;
  std::mutex mutex;
  std::condition_variable changed;
  bool is_complete = false;

  static void on_message(natsConnection* /*connection*/, natsSubscription* /*subscription*/, natsMsg* message,
                         void* closure) {
    static_cast<Shared*>(closure)->take(Message(message));
  }
  static void on_complete(void* closure) {
    auto& self = *static_cast<Shared*>(closure);
    const std::lock_guard lock(self.mutex);
    self.is_complete = true;
    self.changed.notify_all();
  }
};

Subscription::Subscription(Session& session, const std::string& subject, const std::string& group, Take take)
    : shared_(std::make_unique<Shared>()) {
  shared_->take = std::move(take);
  const natsStatus status =
      group.empty() ? natsConnection_Subscribe(&subscription_, session.get(), subject.c_str(),
                                               Shared::on_message, shared_.get())
                    : natsConnection_QueueSubscribe(&subscription_, session.get(), subject.c_str(),
                                                    group.c_str(), Shared::on_message, shared_.get());
  if (status != NATS_OK) {
    const Failure failure = failure_of(status, "'" + subject + "' cannot be subscribed to");
    throw Error(failure.status, failure.text, CLEAT_RETRYABLE, failure.native);
  }
  // What is out is bounded by who asks for it; the library's own bound drops messages.
  natsSubscription_SetPendingLimits(subscription_, -1, -1);
  // It fails if the subscription is closed by now, with its connection: then nobody would tell us.
  if (natsSubscription_SetOnCompleteCB(subscription_, Shared::on_complete, shared_.get()) == NATS_OK) return;
  static_cast<void>(shared_.release());  // the library's thread may still look at it
  natsSubscription_Destroy(subscription_);
  throw Error(CLEAT_UNAVAILABLE, "the connection was lost", CLEAT_RETRYABLE);
}

Subscription::~Subscription() {
  natsSubscription_Destroy(subscription_);
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait(lock, [this] { return shared_->is_complete; });
}

void Subscription::drain() {
  natsSubscription_Drain(subscription_);
}

bool Subscription::is_drained() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->is_complete;
}

void Subscription::wait_drained(std::chrono::steady_clock::time_point end) const {
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait_until(lock, end, [this] { return shared_->is_complete; });
}

}  // namespace cleat::nats
