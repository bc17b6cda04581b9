#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/loop.hpp"
#include "base/result.hpp"

namespace cleat {

enum class Outcome : std::uint8_t {
  answered,     ///< a whole response came
  unreachable,  ///< refused, DNS, or reset before a byte of a response
  broken,       ///< reset after a byte of a response, or no response that can be read
  timed_out,
  expired,   ///< its last instant (`settle_by_ns`) passed before the attempt began
  cancelled  ///< by abort()
};

/// Borrowed until the handler returns.
struct Answer {
  Outcome outcome = Outcome::answered;
  unsigned status = 0;  ///< 100..599 when answered
  std::string_view body, content_type, retry_after;
  std::string_view error;  ///< for people, when not answered

  [[nodiscard]] bool is_success() const {
    return outcome == Outcome::answered && status >= 200 && status < 300;
  }
};

/// The answer as a reason, for people.
[[nodiscard]] std::string describe(const Answer& answer);

enum class Verdict : std::uint8_t { ack, retry, dead_letter, drop };

/// "SUCCESS", "RETRY", "DROP" or "DEADLETTER", in any case, as answers say it; nothing for another word.
[[nodiscard]] std::optional<Verdict> verdict_of_word(std::string_view word);

/// What one answer means.
struct Judgement {
  Verdict verdict = Verdict::retry;
  bool misconfigured = false;  ///< the application does not serve this route as it should
  bool pauses = false;         ///< all new attempts of the component wait
  std::uint64_t pause_ns = 0;  ///< for so long; 0: for a back-off
};

/// Answer to verdict: the table of statuses with the operator's own entries, and the words of a body.
class Verdicts {
 public:
  Verdicts();

  /// `deliveryStatus`: "400-499:dead-letter, 409:ack, 429:retry". A later entry wins over an earlier one. The error says which
  /// entry is wrong, what was expected and found.
  Result<> set(std::string_view delivery_status);
  /// `deliveryReply: status`: the body of a 2xx may say {"status": "SUCCESS" | "RETRY" | "DROP" | "DEADLETTER"}.
  void read_bodies(bool read) { read_bodies_ = read; }
  /// `maxRetryAfter`.
  void limit_retry_after(std::uint64_t most_ns) { max_retry_after_ns_ = most_ns; }

  /// `has_target`: there is a dead letter to write to. Whole answers that came, not cancelled, expired or unreachable ones.
  [[nodiscard]] Judgement judge(const Answer& answer, bool has_target, std::uint64_t wall_ns) const;
  /// Whether an entry of the operator's asks for a dead letter.
  [[nodiscard]] bool asks_for_dead_letter() const;

 private:
  enum class Meaning : std::uint8_t { retry, ack, dead_letter, drop, refused, misconfigured };
  [[nodiscard]] Verdict verdict_of_body(std::string_view body) const;

  static constexpr unsigned kStatuses = 600;
  std::array<Meaning, kStatuses> meanings_{};
  bool read_bodies_ = false;
  std::uint64_t max_retry_after_ns_ = 60 * kSecond;
};

/// `Retry-After` as nanoseconds from now: seconds, or an HTTP date in one of its three forms. Nothing: it is neither.
[[nodiscard]] std::optional<std::uint64_t> parse_retry_after(std::string_view text, std::uint64_t wall_ns);

}  // namespace cleat
