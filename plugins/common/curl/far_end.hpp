#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "common/curl/answer.hpp"
#include "common/lookout.hpp"

namespace cleat::common {

/// Whether another request that goes well says that what failed so is over: it was of the connection, or of who we are, and
/// not of one action or one thing.
bool is_passing(const ServiceFailure& failure);

/// Whether the service said itself that it knows who asks, and does not allow it. An answer without its own word may be a
/// proxy's, or one to a HEAD, which says nothing of why.
inline bool knows_who_asks(const ServiceFailure& failure) {
  return failure.status == CLEAT_DENIED && !failure.code.empty();
}

/// How the one far end of a component is, by what calls met there; while that is not well it is looked at. On the loop's
/// thread.
class FarEnd {
 public:
  /// What a failure says of the far end.
  enum class Says { nothing, is_there, is_slow, is_wrong };
  using Answer = std::function<void(const ServiceFailure*)>;
  struct Ways {
    /// Asks for the very thing that the calls use, without a trace; `answer` gets nullptr or what went wrong, once, by the
    /// deadline at the latest.
    std::function<void(std::uint64_t deadline_ns, Answer answer)> look;
    std::function<Says(const ServiceFailure&)> judge;
    std::function<void(std::int32_t health, const std::string& why)> tell;
  };
  struct Times {
    Lookout::Times looks;
    /// For so long it is believed what no look can disprove: that a call was not allowed, for one.
    std::chrono::milliseconds believed{30'000};
  };

  /// `loop` outlives it.
  FarEnd(EventLoop& loop, Ways ways, Times times);
  FarEnd(EventLoop& loop, Ways ways) : FarEnd(loop, std::move(ways), Times()) {}

  /// Looks now.
  void look() { lookout_.look(); }
  /// How a call fared; nullptr: it was carried out.
  void note(const ServiceFailure* failure);
  /// No look begins any more, and nothing is told.
  void close();

 private:
  struct Trouble {
    bool is_passing = false, is_denied = false;
    EventLoop::Clock::time_point seen_at;  ///< for the last time
  };

  void wrong(const ServiceFailure& failure);
  void over(std::int32_t health);
  void looked(const ServiceFailure* failure, const Lookout::Done& done);
  [[nodiscard]] bool is_known(const ServiceFailure* failure) const;
  [[nodiscard]] bool is_against(const ServiceFailure& failure) const;

  const Ways ways_;
  const Times times_;
  std::optional<Trouble> trouble_;
  bool is_closed_ = false;
  Lookout lookout_;
};

}  // namespace cleat::common
