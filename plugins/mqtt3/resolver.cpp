#include "resolver.hpp"

#include <utility>

namespace cleat::mqtt {

Resolver::~Resolver() {
  if (thread_.joinable()) thread_.join();
}

void Resolver::ask(const std::string& host, std::uint16_t port) {
  Answer numeric = common::numeric_addresses(host, port);
  if (!numeric.addresses.empty()) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(numeric);
    return;
  }
  if (thread_.joinable()) thread_.join();
  thread_ = std::thread([this, host, port] {
    Answer answer = common::look_up(host, port);
    {
      const std::lock_guard lock(mutex_);
      answer_ = std::move(answer);
    }
    wake_.notify();
  });
}

std::optional<Resolver::Answer> Resolver::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(answer_, std::nullopt);
}

}  // namespace cleat::mqtt
