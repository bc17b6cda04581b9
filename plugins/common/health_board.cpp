#include "common/health_board.hpp"

#include <algorithm>
#include <utility>

namespace cleat::common {
namespace {

/// Below the heartbeats of the manifests, also when the one who calls beat() waits for its longest time in between.
constexpr std::uint64_t kBeatEveryNs = 4'000'000'000;
/// So many ways to say one state get a line each.
constexpr std::size_t kMostWords = 16;

/// How much a state matters to who looks at the component. UNKNOWN weighs least.
int weight(std::int32_t state) {
  switch (state) {
    case CLEAT_HEALTH_UP:
      return 1;
    case CLEAT_HEALTH_DEGRADED:
      return 2;
    case CLEAT_HEALTH_STALLED:
      return 3;
    case CLEAT_HEALTH_DOWN:
      return 4;
    default:
      return 0;
  }
}

bool is_bad(std::int32_t state) {
  return weight(state) > weight(CLEAT_HEALTH_UP);
}

}  // namespace

HealthBoard::HealthBoard(Host host, std::vector<Part> parts)
    : host_(host), parts_(std::move(parts)), says_(parts_.size()) {}

void HealthBoard::set(std::size_t part, std::int32_t state, const std::string& why) {
  const std::lock_guard lock(mutex_);
  Says& says = says_[part];
  if (says.state == state && says.why == why) return;
  const bool was_bad = is_bad(says.state);
  if (state != says.state) says.logged.clear();
  says.state = state;
  says.why = why;
  report();
  if (is_bad(state))
    warn(part);
  else if (was_bad)
    host_.log(CLEAT_LOG_INFO, parts_[part].well_again, {{"part", parts_[part].name}});
}

/// A client that tries again and again may say it in two or three ways by turns.
void HealthBoard::warn(std::size_t part) {
  Says& says = says_[part];
  const bool is_known = std::find(says.logged.begin(), says.logged.end(), says.why) != says.logged.end();
  if (is_known || says.logged.size() >= kMostWords) return;
  says.logged.push_back(says.why);
  host_.log(CLEAT_LOG_WARN, says.why, {{"part", parts_[part].name}});
}

void HealthBoard::report() {
  const Says& worst = *std::max_element(says_.begin(), says_.end(), [](const Says& a, const Says& b) {
    return weight(a.state) < weight(b.state);
  });
  if (worst.state == told_.state && worst.why == told_.why) return;
  told_ = worst;
  tell();
}

void HealthBoard::tell() {
  told_at_ns_ = host_.now_ns();
  host_.set_health(told_.state, told_.why);
}

void HealthBoard::beat() {
  const std::lock_guard lock(mutex_);
  if (host_.now_ns() >= told_at_ns_ + kBeatEveryNs) tell();
}

std::int32_t HealthBoard::state(std::size_t part) const {
  const std::lock_guard lock(mutex_);
  return says_[part].state;
}

std::string HealthBoard::why(std::size_t part) const {
  const std::lock_guard lock(mutex_);
  return says_[part].why;
}

}  // namespace cleat::common
