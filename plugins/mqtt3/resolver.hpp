#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "common/addresses.hpp"
#include "common/lookup.hpp"
#include "wake.hpp"

namespace cleat::mqtt {

using common::Address;

/// Finds a host's addresses without holding up the thread that asks: a system's resolver may take half a minute to give up.
class Resolver {
 public:
  using Answer = common::Addresses;

  explicit Resolver(const Wake& wake) : wake_(wake) {}
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// One question at a time: the last one's answer was taken. `wake` is notified of the answer.
  void ask(const std::string& host, std::uint16_t port);
  std::optional<Answer> take();

 private:
  const Wake& wake_;
  std::mutex mutex_;
  std::optional<Answer> answer_;
  std::optional<common::Lookup> lookup_;
};

}  // namespace cleat::mqtt
