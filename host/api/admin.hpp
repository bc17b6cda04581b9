#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/host_view.hpp"
#include "base/task.hpp"

/// What a person or a script may see and decide while the host runs.
namespace cleat {

struct AdminAnswer {
  enum class Code : std::uint8_t {
    document,   ///< `text` is JSON
    done,       ///< there is nothing to tell
    not_found,  ///< here and below `text` is a sentence
    conflict,
    not_ready,
    unreachable
  };
  Code code = Code::done;
  std::string text;
};

/// Runs once on the io thread that asked, perhaps before the asking function returns.
using AdminDone = UniqueFunction<void(AdminAnswer&&)>;

constexpr std::uint64_t kDefaultHeldEvents = 100;  ///< are listed unless another number is asked for
constexpr std::uint64_t kMostHeldEvents = 1000;

/// {"components":[...]} in the order of the files. Here and below the host outlives the call, nothing else does;
/// `now_wall_ns` is for ages.
void list_components(const HostView& host, std::uint64_t now_wall_ns, AdminDone done);
/// One of them, or not_found.
void show_component(const HostView& host, std::string_view name, std::uint64_t now_wall_ns, AdminDone done);
/// {"total":n,"events":[...]}: what does not run now, at most `most` of them, or not_found.
void list_held_events(const HostView& host, std::string_view component, std::uint64_t most,
                      std::uint64_t now_wall_ns, AdminDone done);
void decide_event(HostView& host, std::string_view component, std::string_view event, Decision decision,
                  AdminDone done);
void pause_component(HostView& host, std::string_view component, AdminDone done);
void resume_component(HostView& host, std::string_view component, AdminDone done);
/// done if the component's far end answers, unreachable if it does not, conflict if it cannot be asked, or not_found.
void ping_component(HostView& host, std::string_view component, AdminDone done);
/// done, or not_ready with what is waited for: the host's own start and the components with `required: true`.
void readiness(const HostView& host, AdminDone done);

}  // namespace cleat
