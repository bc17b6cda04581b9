#pragma once

#include <cleat/plugin.h>

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/loop.hpp"
#include "plugin/ports.hpp"

namespace cleat {

/// The events of one instance that are out: keeps the window, hands accepted events to the home thread, settles each once.
class Intake {
 public:
  Intake(const cleat_binding_type& table, std::string component, Loop& home, Log& log);

  void attach(void* self) { self_ = self; }

  /// [control] From here on deliver() accepts.
  void open(EventSink& sink, const Window& window);
  /// [control] begin_input() has returned: set_window() may reach the plugin.
  void allow_window();
  /// [control] end_input() comes next: set_window() may not reach the plugin any more.
  void forbid_window();
  /// [control] end_input() has returned: deliver() refuses.
  void shut();

  /// The host table's functions. Any thread.
  cleat_status deliver(cleat_event* const* events, std::uint32_t count, std::uint32_t* accepted);
  void withdraw(std::int32_t by, const std::uint64_t* ids, std::uint32_t count);

  /// On the home thread.
  void settle(std::span<Settlement> settlements);
  void set_window(const Window& window);

  [[nodiscard]] std::uint32_t unsettled() const;

  /// Any thread. The plugin showed that it lives.
  void note_sign() { last_sign_ns_.store(home_.now_ns(), std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t last_sign_ns() const { return last_sign_ns_.load(std::memory_order_relaxed); }

 private:
  [[nodiscard]] bool take_room(std::size_t weight);
  void give_room_back(std::uint32_t events, std::uint64_t bytes);
  [[nodiscard]] bool well_formed(const cleat_event* event) const;

  const cleat_binding_type& table_;
  void* self_ = nullptr;
  const std::string component_;
  Loop& home_;
  Log& log_;

  std::atomic<EventSink*> sink_{nullptr};
  std::atomic<bool> open_{false};
  std::atomic<std::uint64_t> last_sign_ns_{0};
  std::atomic<std::uint64_t> out_{0};  ///< unsettled: events in the upper 24 bits, bytes in the lower 40
  std::atomic<std::uint32_t> max_events_{0};
  std::atomic<std::uint64_t> max_bytes_{0};

  std::mutex window_mutex_;  ///< set_window() against the two ends of an input
  bool window_allowed_ = false;
  Window latest_, told_;

  // Home thread only.
  std::vector<cleat_settlement> items_;
  std::vector<const cleat_settlement*> item_pointers_;
};

}  // namespace cleat
