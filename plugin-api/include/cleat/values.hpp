/* SPDX-License-Identifier: Apache-2.0
 *
 * cleat/values.hpp: what passes between host and plugin, as C++17 types. Included by cleat/plugin.hpp. */
#pragma once

#include <cleat/plugin.h>

#include <charconv>
#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace cleat {
inline namespace plugin_v0 {  // symbols of its own, should host and plugin ever be linked into one program

constexpr cleat_str str(std::string_view text) {
  return {text.data(), text.size()};
}
constexpr std::string_view view(cleat_str text) {
  return text.len == 0 ? std::string_view() : std::string_view(text.ptr, text.len);
}

/// The value of `name`, without regard to case (ASCII).
inline std::optional<std::string_view> find(const cleat_map& map, std::string_view name) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (std::size_t i = 0; i < map.count; ++i) {
    const std::string_view key = view(map.items[i].key);
    std::size_t same = 0;
    if (key.size() == name.size()) {
      while (same < key.size() && lower(key[same]) == lower(name[same]))
        ++same;
    }
    if (key.size() == name.size() && same == key.size()) return view(map.items[i].value);
  }
  return std::nullopt;
}

/// What a method throws to fail with a status of its own. `flags`: CLEAT_RETRYABLE.
struct Error : std::runtime_error {
  Error(cleat_status status_, const std::string& text, std::uint32_t flags_ = 0, std::int64_t native = 0)
      : std::runtime_error(text), status(status_), flags(flags_), native_code(native) {}
  cleat_status status;
  std::uint32_t flags;
  std::uint32_t retry_after_ms = 0;
  std::int64_t native_code;
};

/// Runs `use(const cleat_failure&)` with what is being thrown right now. Only inside a catch block.
template <class F>
void with_current_exception(F&& use) {
  cleat_failure failure{sizeof(cleat_failure), CLEAT_INTERNAL, 0, 0, 0, {}};
  try {
    throw;
  } catch (const Error& error) {
    failure = {sizeof(cleat_failure), error.status,      error.flags,
               error.retry_after_ms,  error.native_code, str(error.what())};
    use(std::as_const(failure));
  } catch (const std::exception& error) {
    failure.text = str(error.what());
    use(std::as_const(failure));
  } catch (...) {
    failure.text = str("the plugin threw something that is not a std::exception");
    use(std::as_const(failure));
  }
}

/// CLOCK_MONOTONIC nanoseconds; time() is the same instant for a wait of the standard library.
struct Deadline {
  std::uint64_t at_ns = 0;
  [[nodiscard]] std::chrono::steady_clock::time_point time() const {
    return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(static_cast<std::int64_t>(at_ns)));
  }
};

/// Owned bytes on their way to the host. Move-only; take() hands over the bytes and the duty to release them.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(const cleat_buf& owned) : buf_(owned) {}
  Buffer(Buffer&& other) noexcept : buf_(other.take()) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(buf_, other.buf_);
    return *this;
  }
  ~Buffer() {
    if (buf_.release != nullptr) buf_.release(buf_.owner);
  }
  static Buffer of(std::string text) {
    return of(std::move(text), [](const std::string& held) { return std::string_view(held); });
  }
  /// Keeps any movable object alive until the bytes are released; `bytes(object)` says where they are.
  template <class T, class F>
  static Buffer of(T object, F bytes) {
    auto* held = new T(std::move(object));
    const std::string_view text = bytes(std::as_const(*held));
    return Buffer(
        cleat_buf{text.data(), text.size(), [](void* owner) { delete static_cast<T*>(owner); }, held});
  }
  /// Text that lives as long as the file is loaded.
  static Buffer of_static(std::string_view text) {
    return Buffer(cleat_buf{text.data(), text.size(), nullptr, nullptr});
  }
  [[nodiscard]] cleat_buf take() noexcept { return std::exchange(buf_, cleat_buf{}); }
  [[nodiscard]] std::string_view view() const { return {static_cast<const char*>(buf_.ptr), buf_.len}; }

 private:
  cleat_buf buf_{};
};

/// Valid during init(). The host has checked the values and brought them into their plain form: "true" and
/// "false", decimal numbers, durations in nanoseconds, sizes in bytes. An absent one gives the fallback.
class Config {
 public:
  explicit Config(const cleat_config& raw) : raw_(&raw) {}
  [[nodiscard]] const cleat_config& raw() const { return *raw_; }
  [[nodiscard]] bool check_only() const { return (raw_->flags & CLEAT_CHECK_ONLY) != 0; }
  [[nodiscard]] std::string_view component() const { return view(raw_->component); }
  [[nodiscard]] std::string_view fact(std::string_view name) const {
    return find(raw_->facts, name).value_or("");
  }
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const {
    return find(raw_->metadata, name);
  }
  [[nodiscard]] std::string text(std::string_view name, std::string_view fallback = {}) const {
    return std::string(get(name).value_or(fallback));
  }
  template <class T = std::int64_t>
  [[nodiscard]] T integer(std::string_view name, T fallback = 0) const {
    const auto text = get(name);
    if (!text) return fallback;
    T value{};
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || end != text->data() + text->size())
      fail(name, "a number within range", *text);
    return value;
  }
  [[nodiscard]] double number(std::string_view name, double fallback = 0) const {
    return integer<double>(name, fallback);
  }
  [[nodiscard]] std::uint64_t size(std::string_view name, std::uint64_t fallback = 0) const {
    return integer<std::uint64_t>(name, fallback);
  }
  [[nodiscard]] bool boolean(std::string_view name, bool fallback = false) const {
    const auto text = get(name);
    if (!text) return fallback;
    if (*text != "true" && *text != "false") fail(name, "true or false", *text);
    return *text == "true";
  }
  [[nodiscard]] std::chrono::nanoseconds duration(std::string_view name,
                                                  std::chrono::nanoseconds fallback = {}) const {
    return std::chrono::nanoseconds(integer<std::int64_t>(name, fallback.count()));
  }

 private:
  [[noreturn]] static void fail(std::string_view name, std::string_view expected, std::string_view found) {
    std::string text(name);
    text.append(": expected ").append(expected).append(", found '").append(found).append("'");
    throw Error(CLEAT_INVALID, text);
  }
  const cleat_config* raw_;
};

/// A view, valid with all it points to until its call is completed.
class Request {
 public:
  explicit Request(const cleat_request& raw) : raw_(&raw) {}
  [[nodiscard]] const cleat_request& raw() const { return *raw_; }
  [[nodiscard]] std::uint64_t id() const { return raw_->call_id; }
  [[nodiscard]] Deadline deadline() const { return {raw_->deadline_ns}; }
  [[nodiscard]] std::string_view operation() const { return view(raw_->operation); }
  [[nodiscard]] std::string_view content_type() const { return view(raw_->content_type); }
  [[nodiscard]] std::string_view data() const {
    return {static_cast<const char*>(raw_->data), raw_->data_len};
  }
  [[nodiscard]] std::optional<std::string_view> metadata(std::string_view name) const {
    return find(raw_->metadata, name);
  }

 private:
  const cleat_request* raw_;
};

struct Window {
  std::uint32_t max_events = 0;    ///< 0: pause
  std::uint64_t max_bytes = 0;     ///< 0: no limit
  std::uint32_t max_per_lane = 0;  ///< 0: no limit; kept by the plugin, not for lane 0
};

/// Borrowed until settle() returns: for (const cleat_settlement* one : settlements).
struct Settlements {
  const cleat_settlement* const* items = nullptr;
  std::uint32_t count = 0;
  [[nodiscard]] const cleat_settlement* const* begin() const { return items; }
  [[nodiscard]] const cleat_settlement* const* end() const { return items + count; }
};

}  // namespace plugin_v0
}  // namespace cleat
