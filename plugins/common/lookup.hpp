#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/addresses.hpp"

namespace cleat::common {

/// One question to the system's resolver, on a thread of its own: it may take half a minute, and cannot be called off. Whoever
/// destroys the lookup does not wait for that: the thread ends by itself when the system lets it, and calls nothing.
class Lookup {
 public:
  using Done = std::function<void(Addresses)>;

  /// `done` is called on the lookup's thread, at once on this one if there are no threads left; it must not destroy the
  /// lookup.
  Lookup(const std::string& host, std::uint16_t port, Done done);
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  ~Lookup();

 private:
  struct Asked;

  std::shared_ptr<Asked> asked_;
};

}  // namespace cleat::common
