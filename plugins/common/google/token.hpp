#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "common/curl/loop.hpp"
#include "common/curl/token_cache.hpp"
#include "common/google/credentials.hpp"

namespace cleat::google {

using common::AccessToken;
using Failure = common::ServiceFailure;

/// Tokens of Google Cloud for one identity, kept and replaced as TokenCache says. All but the constructor on the loop's
/// thread.
class TokenSource {
 public:
  using Done = common::TokenCache::Done;

  /// Both outlive it. `credentials` are somebody's.
  TokenSource(common::CurlLoop& curl, const Credentials& credentials);
  TokenSource(const TokenSource&) = delete;
  TokenSource& operator=(const TokenSource&) = delete;

  /// As of TokenCache.
  void get(std::uint64_t deadline_ns, Done done) { cache_.get(deadline_ns, std::move(done)); }
  void forget(const std::string& text) { cache_.forget(text); }
  void serves() { cache_.serves(); }
  void close() { cache_.close(); }

 private:
  using Answered = std::function<void(common::HttpResponse*, const common::TransferFailure*)>;

  void ask();
  void post(const std::string& url, const char* type, std::string body, Answered answered,
            const std::string& bearer = {});
  void ask_metadata_server();
  void ask_for_subject();
  void exchange(const std::string& subject);
  void impersonate(const common::HttpResponse& exchanged);

  common::CurlLoop& curl_;
  const Credentials& credentials_;
  std::string body_;  ///< of the request that is out, and the secret of it that an answer may repeat
  std::string shown_;
  common::TokenCache cache_;
};

/// A JWT that says who we are at `audience` for an hour from `now`, signed by the account's key (RFC 7523).
std::string assertion_of(const Credentials& account, const std::string& audience,
                         std::chrono::system_clock::time_point now);

}  // namespace cleat::google
