#include "common/resolver.hpp"

#include <utility>

namespace cleat::common {
namespace {

constexpr std::size_t kMostQuestions = 64;

}  // namespace

void Resolver::ask(const std::string& host, std::uint16_t port, Done done) {
  const auto answer = [&](Addresses found) {
    loop_.before_sleep([done = std::move(done), found = std::move(found)] { done(found); });
  };
  Addresses numeric = numeric_addresses(host, port);
  if (!numeric.addresses.empty()) return answer(std::move(numeric));
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    if (questions_.size() >= kMostQuestions)
      return answer(
          {{}, "the name '" + host + "' cannot be resolved: the system's resolver does not keep up"});
    questions_.push_back({host, port, std::move(done)});
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  news_.notify_one();
}

void Resolver::run() {
  for (;;) {
    Question question;
    {
      std::unique_lock lock(mutex_);
      news_.wait(lock, [this] { return stopping_ || !questions_.empty(); });
      if (stopping_) return;
      question = std::move(questions_.front());
      questions_.pop_front();
    }
    loop_.post(
        [done = std::move(question.done), found = look_up(question.host, question.port)] { done(found); });
  }
}

void Resolver::stop() {
  std::deque<Question> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(questions_);
  }
  news_.notify_one();
  if (thread_.joinable()) thread_.join();
}

}  // namespace cleat::common
