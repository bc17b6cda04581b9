#include "resolver.hpp"

#include <utility>

namespace cleat::mqtt {

void Resolver::ask(const std::string& host, std::uint16_t port) {
  Answer numeric = common::numeric_addresses(host, port);
  if (!numeric.addresses.empty()) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(numeric);
    return;
  }
  lookup_.emplace(host, port, [this](Answer answer) {
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
