#pragma once

#include <dlfcn.h>
#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string_view>

namespace cleat::testing {

/// While one stands, the system's resolver does not answer questions for "hangs.invalid". At its end they have failed.
class HangingResolver {
 public:
  HangingResolver() {
    const std::lock_guard lock(mutex_);
    hangs_ = true;
  }
  HangingResolver(const HangingResolver&) = delete;
  HangingResolver& operator=(const HangingResolver&) = delete;
  ~HangingResolver() {
    std::unique_lock lock(mutex_);
    hangs_ = false;
    changed_.notify_all();
    changed_.wait(lock, [] { return asked_ == 0; });
  }

  /// Until somebody asks.
  static void wait_until_asked() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [] { return asked_ > 0; });
  }

  static void hang() {
    std::unique_lock lock(mutex_);
    ++asked_;
    changed_.notify_all();
    changed_.wait(lock, [] { return !hangs_; });
    --asked_;
    changed_.notify_all();
  }

 private:
  static inline std::mutex mutex_;
  static inline std::condition_variable changed_;
  static inline bool hangs_ = false;
  static inline int asked_ = 0;
};

}  // namespace cleat::testing

// In the test's program it stands before the C library's. One file of a program includes this header.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
  if (name != nullptr && std::string_view(name) == "hangs.invalid" &&
      (hints == nullptr || (hints->ai_flags & AI_NUMERICHOST) == 0)) {
    cleat::testing::HangingResolver::hang();
    return EAI_AGAIN;
  }
  void* const next = ::dlsym(RTLD_NEXT, "getaddrinfo");
  decltype(&::getaddrinfo) original = nullptr;
  static_assert(sizeof original == sizeof next);
  std::memcpy(&original, &next, sizeof original);
  return original(name, service, hints, found);
}
