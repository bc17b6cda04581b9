/* SPDX-License-Identifier: Apache-2.0
 *
 * cleat/thunks.hpp: the functions of a cleat_binding_type, made from a class. Included by cleat/plugin.hpp.
 */
#pragma once

#include <cleat/plugin.hpp>

namespace cleat {
inline namespace plugin_v0 {
namespace detail {

/// Whether `call` compiles for a T: how a type's table learns which methods it has.
template <class T, class F>
constexpr bool can(F /*call*/) {
  return std::is_invocable_v<F, T&>;
}

inline void report(cleat_error* out, const cleat_failure& failure) {
  if (out == nullptr) return;
  out->code = failure.code;
  out->flags = failure.flags;
  out->retry_after_ms = failure.retry_after_ms;
  out->native_code = failure.native_code;
  out->text_len = std::min(failure.text.len, out->text_cap);
  if (out->text_len != 0) std::memcpy(out->text, failure.text.ptr, out->text_len);
}

template <class F>
cleat_status control(cleat_error* out, F&& body) noexcept {
  cleat_status status = CLEAT_OK;
  try {
    body();
  } catch (...) {
    with_current_exception([&](const cleat_failure& failure) {
      report(out, failure);
      status = failure.code == CLEAT_OK ? CLEAT_INTERNAL : failure.code;
    });
  }
  return status;
}

inline Window window_of(const cleat_window& raw) {
  return {raw.max_events, raw.max_bytes, raw.max_per_lane};
}

template <class T>
struct Thunks {
  struct Held {
    Host host;
    T binding;
  };
  static Held& held(void* self) { return *static_cast<Held*>(self); }
  static T& binding(void* self) { return held(self).binding; }

  static cleat_status create(const cleat_host* raw, void** self, cleat_error* error) noexcept {
    return control(error, [&] { *self = new Held{Host(raw), T(Host(raw))}; });
  }
  static cleat_status init(void* self, const cleat_config* config, cleat_error* error) noexcept {
    return control(error, [&] {
      constexpr bool kHas = can<T>([](auto& b) -> decltype(b.init(std::declval<const Config&>())) {});
      if constexpr (kHas) binding(self).init(Config(*config));
    });
  }
  static cleat_status start(void* self, std::uint64_t deadline, cleat_error* error) noexcept {
    return control(error, [&] {
      constexpr bool kHas = can<T>([](auto& b) -> decltype(b.start(Deadline{})) {});
      if constexpr (kHas) binding(self).start(Deadline{deadline});
    });
  }
  static cleat_status ping(void* self, std::uint64_t deadline, cleat_error* error) noexcept {
    return control(error, [&] { binding(self).ping(Deadline{deadline}); });
  }
  static void invoke(void* self, const cleat_request* request, cleat_call* token) noexcept {
    Call call(held(self).host, token);
    try {
      binding(self).invoke(Request(*request), std::move(call));
    } catch (...) {
      with_current_exception([&](const cleat_failure& failure) {
        if (call) call.fail(failure);
      });
    }
  }
  static void cancel(void* self, std::uint64_t call_id) noexcept {
    held(self).host.guarded("cancel()", [&] { binding(self).cancel(call_id); });
  }
  static cleat_status begin_input(void* self, const cleat_window* window, cleat_error* error) noexcept {
    return control(error, [&] { binding(self).begin_input(window_of(*window)); });
  }
  static void set_window(void* self, const cleat_window* window) noexcept {
    held(self).host.guarded("set_window()", [&] { binding(self).set_window(window_of(*window)); });
  }
  static void settle(void* self, const cleat_settlement* const* items, std::uint32_t count) noexcept {
    held(self).host.guarded("settle()", [&] { binding(self).settle(Settlements{items, count}); });
  }
  static cleat_status end_input(void* self, std::uint64_t deadline, cleat_error* error) noexcept {
    return control(error, [&] { binding(self).end_input(Deadline{deadline}); });
  }
  static cleat_status stop(void* self, std::uint64_t deadline, cleat_error* error) noexcept {
    return control(error, [&] {
      constexpr bool kHas = can<T>([](auto& b) -> decltype(b.stop(Deadline{})) {});
      if constexpr (kHas) binding(self).stop(Deadline{deadline});
    });
  }
  static void close(void* self) noexcept { delete &held(self); }
};

}  // namespace detail

/// The table of one binding type. `name` as in the manifest.
template <class T>
constexpr cleat_binding_type type(const char* name) {
  using detail::can;
  using Made = detail::Thunks<T>;
  constexpr bool kOutput =
      can<T>([](auto& b) -> decltype(b.invoke(std::declval<const Request&>(), std::declval<Call>())) {});
  constexpr bool kInput = can<T>([](auto& b) -> decltype(b.begin_input(Window{})) {});
  static_assert(kOutput || kInput,
                "a binding has invoke(const Request&, Call&&), begin_input(const Window&) or both");
  cleat_binding_type table{};
  table.struct_size = sizeof table;
  table.type = name;
  table.create = Made::create;
  table.init = Made::init;
  table.start = Made::start;
  if constexpr (can<T>([](auto& b) -> decltype(b.ping(Deadline{})) {})) table.ping = Made::ping;
  if constexpr (kOutput) table.invoke = Made::invoke;
  if constexpr (can<T>([](auto& b) -> decltype(b.cancel(std::uint64_t{})) {})) table.cancel = Made::cancel;
  if constexpr (kInput) {
    table.begin_input = Made::begin_input;
    table.set_window = Made::set_window;
    table.settle = Made::settle;
    table.end_input = Made::end_input;
  }
  table.stop = Made::stop;
  table.close = Made::close;
  return table;
}

template <std::size_t N>
constexpr std::array<const cleat_binding_type*, N> pointers_to(const cleat_binding_type (&types)[N]) {
  std::array<const cleat_binding_type*, N> pointers{};
  for (std::size_t i = 0; i < N; ++i)
    pointers[i] = &types[i];
  return pointers;
}

}  // namespace plugin_v0
}  // namespace cleat

/// The manifest note, the tables and the entry point of a plugin. Once per plugin, at namespace scope.
#define CLEAT_PLUGIN(manifest_path, ...)                                          \
  CLEAT_MANIFEST_FILE(manifest_path);                                             \
  extern "C" CLEAT_EXPORT const cleat_plugin* cleat_entry_v0(const cleat_host*) { \
    static constexpr cleat_binding_type kTypes[] = {__VA_ARGS__};                 \
    static constexpr auto kPointers = ::cleat::pointers_to(kTypes);               \
    static const cleat_plugin kPlugin = {                                         \
        sizeof(cleat_plugin),                                                     \
        CLEAT_ABI_MAJOR,                                                          \
        CLEAT_ABI_MINOR,                                                          \
        0,                                                                        \
        kPointers.size(),                                                         \
        cleat_manifest_begin,                                                     \
        static_cast<std::size_t>(cleat_manifest_end - cleat_manifest_begin),      \
        kPointers.data(),                                                         \
        nullptr,                                                                  \
        nullptr};                                                                 \
    return &kPlugin;                                                              \
  }
