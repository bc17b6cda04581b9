#pragma once

#include <cleat/plugin.h>

#include <string>
#include <string_view>
#include <utility>

namespace cleat {

/// Owns the bytes that a cleat_buf stands for and releases them once, on whatever thread it is destroyed.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(const cleat_buf& taken) : buf_(taken) {}
  Buffer(Buffer&& other) noexcept : buf_(std::exchange(other.buf_, cleat_buf{})) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      release();
      buf_ = std::exchange(other.buf_, cleat_buf{});
    }
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { release(); }

  /// Bytes of our own, for answers that the host makes.
  static Buffer of(std::string text) {
    auto* held = new std::string(std::move(text));
    return Buffer(
        cleat_buf{held->data(), held->size(), [](void* p) { delete static_cast<std::string*>(p); }, held});
  }

  [[nodiscard]] std::string_view view() const { return {static_cast<const char*>(buf_.ptr), buf_.len}; }
  [[nodiscard]] std::size_t size() const { return buf_.len; }

 private:
  void release() {
    if (buf_.release != nullptr) buf_.release(buf_.owner);
    buf_ = {};
  }
  cleat_buf buf_{};
};

}  // namespace cleat
