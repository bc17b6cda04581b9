#include "attempt.hpp"

#include <exception>
#include <mutex>
#include <utility>

namespace cleat::nats {

struct Attempt::State {
  std::mutex mutex;
  bool is_done = false, is_abandoned = false;
  std::unique_ptr<Session> session;
  Failure failure;
  std::function<void()> finished;
};

Attempt::Attempt(const ServerConfig& config, std::function<void()> finished)
    : state_(std::make_shared<State>()) {
  state_->finished = std::move(finished);
  thread_ = std::thread([state = state_, config] {
    Failure failure;
    std::unique_ptr<Session> session;
    try {
      session = Session::open(config, failure);
    } catch (const std::exception& error) {  // no descriptor, no memory
      failure = {CLEAT_UNAVAILABLE, std::string("NATS cannot be reached: ") + error.what(), NATS_OK};
    }
    const std::lock_guard lock(state->mutex);
    if (state->is_abandoned) return;
    state->session = std::move(session);
    state->failure = std::move(failure);
    state->is_done = true;
    state->finished();
  });
}

Attempt::~Attempt() {
  bool is_done = false;
  {
    const std::lock_guard lock(state_->mutex);
    is_done = state_->is_done;
    state_->is_abandoned = true;
    state_->finished = nullptr;
  }
  if (is_done)
    thread_.join();
  else
    thread_.detach();
}

bool Attempt::is_done() const {
  const std::lock_guard lock(state_->mutex);
  return state_->is_done;
}

std::unique_ptr<Session> Attempt::take(Failure& failure) {
  const std::lock_guard lock(state_->mutex);
  failure = state_->failure;
  return std::move(state_->session);
}

}  // namespace cleat::nats
