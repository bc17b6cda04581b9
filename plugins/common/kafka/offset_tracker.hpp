#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>

namespace cleat::kafka {

/// What was delivered of one partition and what may be committed of it: only the contiguous prefix of
/// acknowledged records, whatever order the acknowledgements come in. Not thread-safe.
class OffsetTracker {
 public:
  /// `start`: the offset that is read first and that is committed already.
  explicit OffsetTracker(std::int64_t start) : position_(start) {}

  /// A record goes out. Offsets rise, with gaps where the log was compacted. Returns its number, for
  /// settle().
  std::uint64_t add(std::int64_t offset);
  /// The last record that was added was not accepted: as if it had not been read.
  void take_back();
  /// A record that rewind() kept as acknowledged is read again: it is not to be delivered, call skip() for
  /// it.
  [[nodiscard]] bool is_acked(std::int64_t offset) const { return acked_above_.count(offset) != 0; }
  void skip(std::int64_t offset);

  /// All before this offset was added or is no record: the position may come to here. False if it can no further already.
  bool reach(std::int64_t offset);

  /// Ends a record, once each. `acked` false: it was given back and must be read again.
  void settle(std::uint64_t number, bool acked);

  /// The offset to commit and to begin at: that of the first record that is not acknowledged.
  [[nodiscard]] std::int64_t position() const { return position_; }
  /// Delivered and not settled.
  [[nodiscard]] std::size_t outstanding() const { return outstanding_; }
  /// Delivered and not covered by position(): what a restart would read again.
  [[nodiscard]] std::size_t uncommitted() const { return entries_.size(); }
  /// Something was given back: nothing more is to be delivered until rewind().
  [[nodiscard]] bool must_rewind() const { return given_back_; }
  /// Begins again at position(). Only when nothing is outstanding. What was acknowledged after position()
  /// stays so.
  void rewind();

 private:
  enum class State : std::uint8_t { out, acked, given_back };
  struct Entry {
    std::int64_t offset;
    State state;
  };
  void advance();

  std::int64_t position_;
  std::int64_t reached_ = 0;        ///< of reach(); less than position_ if there is nothing to pass
  std::deque<Entry> entries_;       ///< the first one is not acknowledged
  std::uint64_t first_number_ = 0;  ///< of entries_.front()
  std::size_t outstanding_ = 0;
  bool given_back_ = false;
  std::set<std::int64_t> acked_above_;
};

}  // namespace cleat::kafka
