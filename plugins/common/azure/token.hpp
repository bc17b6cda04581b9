#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/azure/failure.hpp"
#include "common/azure/token_settings.hpp"
#include "common/back_off.hpp"
#include "common/curl/loop.hpp"

namespace cleat::azure {

struct AccessToken {
  std::string text;  ///< a secret
  std::chrono::system_clock::time_point expires_at;
};

/// Tokens of Microsoft Entra ID for one resource. One is kept, and used until it ends; from `refresh_at` on a new one is
/// asked for while the old one still serves. After a failure nobody is asked again for a while, one second at first and
/// 30 in the end; what needs a token meanwhile gets that failure. All but the constructor on the loop's thread.
class TokenSource {
 public:
  /// Exactly one of the two is given, for the time of the call.
  using Done = std::function<void(const AccessToken* token, const Failure* failure)>;

  /// `scope`: the resource and "/.default", as in "https://storage.azure.com/.default". `curl` outlives it.
  TokenSource(common::CurlLoop& curl, TokenSettings settings, std::string scope);
  TokenSource(const TokenSource&) = delete;
  TokenSource& operator=(const TokenSource&) = delete;

  /// Calls `done` once, at once if a token is there, and by `deadline_ns` (CLOCK_MONOTONIC) at the latest. At most 4,096
  /// may wait; who comes on top is throttled.
  void get(std::uint64_t deadline_ns, Done done);
  /// A server did not take this token: it is not given out again.
  void forget(const std::string& text);
  /// Who waits is told that the component stops. Only the destructor may follow, after the loop has stopped.
  void close();

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    std::uint64_t id = 0;
    common::EventLoop::TimerId timer = 0;
    Done done;
  };

  [[nodiscard]] bool is_good() const;
  void refresh();
  [[nodiscard]] common::HttpRequest make_request();
  void answered(const common::HttpResponse* answer, const common::TransferFailure* failure);
  void failed(Failure failure);
  void answer_all(const AccessToken* token, const Failure* failure);
  [[nodiscard]] Failure refusal(const common::HttpResponse& answer) const;

  common::CurlLoop& curl_;
  const TokenSettings settings_;
  const std::string scope_;
  std::optional<AccessToken> token_;
  Clock::time_point expires_, refresh_at_;
  std::string body_;  ///< of the request that is out
  bool is_asking_ = false, is_closed_ = false;
  std::optional<Failure> last_failure_;
  Clock::time_point ask_again_at_;
  common::BackOff back_off_{std::chrono::seconds(1), std::chrono::seconds(30)};
  std::uint64_t last_id_ = 0;
  std::vector<Waiting> waiting_;
};

/// `text` for a query or a form: everything but letters, digits and "-._~" as %XX.
std::string url_encoded(std::string_view text);

}  // namespace cleat::azure
