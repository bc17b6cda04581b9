#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>

#include "common/back_off.hpp"
#include "common/curl/answer.hpp"
#include "common/curl/loop.hpp"
#include "common/waiting_list.hpp"

namespace cleat::common {

struct AccessToken {
  std::string text;  ///< a secret
  std::chrono::system_clock::time_point expires_at;
};

/// The token of one identity. It is kept, and used until it ends; a while before that a new one is asked for while the old
/// one still serves, one request at a time. After a failure nobody is asked again for a while, one second at first and 30
/// in the end; what needs a token meanwhile gets that failure. So it is with tokens that no server takes, however good they
/// look: the last one is kept meanwhile. All but the constructor on the loop's thread.
class TokenCache {
 public:
  /// Exactly one of the two is given, for the time of the call.
  using Done = std::function<void(const AccessToken* token, const ServiceFailure* failure)>;
  /// Begins to ask for a token. answered() or failed() has to follow once, at once or later.
  using Ask = std::function<void()>;

  /// A new token is asked for `ahead` of the end, of a short one after four fifths of its life. `loop` outlives it.
  TokenCache(EventLoop& loop, std::chrono::seconds ahead, Ask ask);
  TokenCache(const TokenCache&) = delete;
  TokenCache& operator=(const TokenCache&) = delete;

  /// Calls `done` once, at once if a token is there, and by `deadline_ns` (CLOCK_MONOTONIC) at the latest. At most 4,096
  /// may wait; who comes on top is throttled.
  void get(std::uint64_t deadline_ns, Done done);
  /// A server did not take this token: it is not given out again, unless it came in place of another that was not taken
  /// either and it is too early to ask for a third.
  void forget(const std::string& text);
  /// A server has taken one: the next that is not taken is replaced at once.
  void serves();
  /// Who waits is told that the component stops. Only the destructor may follow, after the loop has stopped.
  void close();

  /// What came of asking: the JSON of OAuth 2.0, a refusal, or nothing. No error text holds one of the `secrets`.
  void answered(const HttpResponse* answer, const TransferFailure* failure,
                std::initializer_list<std::string_view> secrets);
  void taken(std::string token, std::chrono::seconds lifetime);
  void failed(ServiceFailure failure);

 private:
  using Clock = std::chrono::steady_clock;
  [[nodiscard]] bool is_good() const;
  void ask();
  void answer_all(const AccessToken* token, const ServiceFailure* failure);

  const std::chrono::seconds ahead_;
  const Ask ask_;
  std::optional<AccessToken> token_;
  Clock::time_point expires_, refresh_at_;
  bool is_asking_ = false, is_closed_ = false;
  std::optional<ServiceFailure> last_failure_;
  Clock::time_point ask_again_at_;
  BackOff back_off_{std::chrono::seconds(1), std::chrono::seconds(30)};
  Clock::time_point forget_again_at_;
  BackOff forget_back_off_{std::chrono::milliseconds(500), std::chrono::seconds(30)};
  WaitingList<Done> waiting_;
};

/// What an answer to the request for a token means that is no token, in the words of OAuth 2.0 or of Google's services; of
/// what it says nothing if one of the `secrets` is in it.
ServiceFailure token_refusal(const HttpResponse& answer, std::initializer_list<std::string_view> secrets);

/// No answer to it.
ServiceFailure token_failure(const TransferFailure& failure);

}  // namespace cleat::common
