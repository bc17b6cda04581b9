#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace cleat::kafka {

/// What SASL OAUTHBEARER shows to the broker.
struct BearerToken {
  std::string text;                ///< a secret
  std::int64_t expires_at_ms = 0;  ///< since 1970
};

/// Takes a token, or a null pointer and why there is none. May be called on any thread, also after the client is gone.
using TakeToken = std::function<void(const BearerToken* token, const std::string& why)>;

/// A binding's source of tokens: asked whenever the client needs one or the last one comes to its end, on the thread that
/// polls the client, so it must not wait.
using WantToken = std::function<void(TakeToken take)>;

}  // namespace cleat::kafka
