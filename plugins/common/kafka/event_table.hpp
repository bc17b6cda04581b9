#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cleat::kafka {

/// Finds what belongs to an event id without a search: the id carries the index of its slot. Ids are never
/// reused; as many slots as events were ever out at once. Not thread-safe.
template <class T>
class EventTable {
 public:
  std::uint64_t add(T value) {
    if (free_.empty()) {
      slots_.emplace_back();
      free_.push_back(slots_.size() - 1);
    }
    const std::size_t index = free_.back();
    free_.pop_back();
    const std::uint64_t id = (++counter_ << kIndexBits) | index;
    slots_[index] = {id, std::move(value)};
    ++size_;
    return id;
  }
  /// What was added under this id, or nullptr for an id that is unknown or was removed.
  [[nodiscard]] T* find(std::uint64_t id) {
    const std::size_t index = id & kIndexMask;
    return id != 0 && index < slots_.size() && slots_[index].id == id ? &slots_[index].value : nullptr;
  }
  /// The id must be one that find() knows.
  void remove(std::uint64_t id) {
    const std::size_t index = id & kIndexMask;
    slots_[index] = {};
    free_.push_back(index);
    --size_;
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  /// No further event can be added.
  [[nodiscard]] bool full() const { return free_.empty() && slots_.size() > kIndexMask; }

 private:
  static constexpr unsigned kIndexBits = 20;
  static constexpr std::uint64_t kIndexMask = (1U << kIndexBits) - 1;
  struct Slot {
    std::uint64_t id = 0;
    T value{};
  };
  std::vector<Slot> slots_;
  std::vector<std::size_t> free_;
  std::uint64_t counter_ = 0;
  std::size_t size_ = 0;
};

}  // namespace cleat::kafka
