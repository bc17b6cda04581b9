#include <chrono>
#include <string>
#include <utility>

#include "commands.hpp"
#include "stream_input.hpp"

namespace cleat::redis {
namespace {

using namespace std::chrono_literals;

constexpr auto kAgainAfter = 1s;

}  // namespace

/// Makes the group, and the stream with it, if it is not there.
void StreamInput::prepare() {
  if (phase_ == Phase::preparing) return;
  phase_ = Phase::preparing;
  command(
      {"XGROUP", "CREATE", config_.stream, config_.group, beginning(), "MKSTREAM"},
      [this](const Reply& reply) {
        // Who may not make groups may read one that is there.
        const std::string_view word = reply.error_word();
        const bool may_be_there = word == "BUSYGROUP" || word == "NOPERM";
        if (reply.is_error() && !may_be_there) {
          complain("the consumer group cannot be made", reply.text());
          prepare_later("the consumer group cannot be made: " + std::string(reply.text()));
          return;
        }
        giving_back_.clear();
        if (config_.from_the_beginning || !start_id_.empty() || !last_live_id_.empty()) {
          read_own_pending_next();
          pump();
        } else {
          learn_start();
        }
      },
      [this] { phase_ = Phase::closed; });
}

/// Where a group is made: one that vanished while it was read begins where it was, and before all that we have of it, or
/// nobody would have that when it is given back. What we still have is known when the new group brings it.
std::string StreamInput::beginning() const {
  if (config_.from_the_beginning) return "0";
  std::string last = last_live_id_.empty() ? start_id_ : last_live_id_;
  const auto begin_before = [&](const std::string& id) {
    if (last.empty() || !is_before(last, id)) last = id_before(id);
  };
  for (const std::string& id : known_)
    begin_before(id);
  for (const std::string& id : giving_back_)
    begin_before(id);
  return last.empty() ? "$" : last;
}

/// Where the group stands before we have read from it: should it vanish until then, its end is no longer the place. Who
/// may not ask goes without.
void StreamInput::learn_start() {
  command(
      {"XINFO", "GROUPS", config_.stream},
      [this](const Reply& groups) {
        for (std::size_t i = 0; i < groups.size(); ++i) {
          const Reply group = groups.at(i);
          std::string_view name, last;
          for (std::size_t f = 0; f + 1 < group.size(); f += 2) {
            if (group.at(f).text() == "name") name = group.at(f + 1).text();
            if (group.at(f).text() == "last-delivered-id") last = group.at(f + 1).text();
          }
          if (name == config_.group) start_id_ = last;
        }
        read_own_pending_next();
        pump();
      },
      [this] { phase_ = Phase::closed; });
}

void StreamInput::prepare_later(const std::string& why) {
  phase_ = Phase::closed;
  tell_(CLEAT_HEALTH_DEGRADED, why);
  if (prepare_timer_ != 0) return;
  prepare_timer_ = loop_.after(kAgainAfter, [this] {
    prepare_timer_ = 0;
    if (reading_ && phase_ == Phase::closed) prepare();
  });
}

}  // namespace cleat::redis
