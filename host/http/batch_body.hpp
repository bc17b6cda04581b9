#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "delivery/application.hpp"
#include "http/event_headers.hpp"

namespace cleat::http {

/// A set of pieces of one growing text, found by their characters.
class PieceSet {
 public:
  /// Empty again, with room for that many.
  void reset(std::size_t most);
  /// Adds the piece from `begin` to the end of the text. False: an equal one is there.
  bool add(std::string_view text, std::size_t begin);
  /// Which one it is, counted from 0 in the order they were added; `hint` is looked at first.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view text, std::string_view piece,
                                                std::size_t hint = 0) const;
  void shrink(std::size_t kept_bytes);

 private:
  struct Piece {
    std::size_t begin, size;
  };
  static constexpr std::size_t kFew = 8;  ///< so many are found faster one by one
  [[nodiscard]] std::string_view text_of(std::string_view text, std::size_t number) const {
    return text.substr(pieces_[number].begin, pieces_[number].size);
  }
  [[nodiscard]] std::size_t slot_of(std::string_view text, std::string_view piece) const;

  std::vector<Piece> pieces_;
  std::vector<std::uint32_t>
      slots_;  ///< number of a piece, counted from 1; 0: empty. A power of two, or none for few pieces
};

/// The body of one request with several events, and what its answer says of each. A JSON array with an object
/// for each event, in their order:
///
///     {"entryId": "...", "data": ..., "contentType": "...", "metadata": {"name": "value", ...}}
///
/// `data` is the event's own JSON text, character by character. What is no JSON (empty data is none) is base64
/// and has `"base64": true` beside it. `traceparent` and `tracestate` stand beside it where the event has them.
///
/// `metadata` begins with the host's own `cleat-attempt` and `cleat-first-seen`. Of entries with one name the
/// first keeps it, the second arrives as `cleat-src-<name>`, as does one whose name begins with `cleat-`.
///
/// `entryId` is the event's stable id, or "#<number>"; one that is taken in this batch has "#<place>" behind it.
class BatchBody {
 public:
  void write(const Batch& batch, json::Reader& reader, WallText& wall);
  [[nodiscard]] std::string_view text() const { return text_; }

  /// What {"statuses": [{"entryId": "...", "status": "SUCCESS"}, ...]} says of each event of the batch that was
  /// written last: Dapr's answer to a bulk subscription, names and words in any case. Nothing: it is not
  /// mentioned, with an unknown word, or with two different ones. All nothing: this is no such answer.
  [[nodiscard]] std::vector<std::optional<Verdict>> read_answer(std::string_view answer,
                                                                json::Reader& reader) const;

  /// Gives memory beyond that back; text and ids are gone then.
  void shrink(std::size_t kept_bytes);

 private:
  void write_entry(const Event& event, std::size_t place, json::Reader& reader, WallText& wall);
  void write_id(const Event& event, std::size_t place);
  void write_metadata(const Event& event, WallText& wall);
  bool write_member(std::string_view prefix, std::string_view name, std::string_view value);
  [[nodiscard]] std::optional<std::size_t> find_id(std::string_view raw, std::size_t hint) const;
  bool read_statuses(json::Walk& walk, std::vector<std::optional<Verdict>>& verdicts) const;

  std::string text_;
  std::string scratch_;
  PieceSet ids_, names_;
  std::size_t size_ = 0;
};

}  // namespace cleat::http
