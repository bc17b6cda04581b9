#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "common/azure/failure.hpp"
#include "common/azure/token_settings.hpp"
#include "common/curl/loop.hpp"
#include "common/curl/token_cache.hpp"

namespace cleat::azure {

using common::AccessToken;

/// Tokens of Microsoft Entra ID for one resource, kept and replaced as TokenCache says. All but the constructor on the loop's
/// thread.
class TokenSource {
 public:
  using Done = common::TokenCache::Done;

  /// `scope`: the resource and "/.default", as in "https://storage.azure.com/.default". `curl` outlives it.
  TokenSource(common::CurlLoop& curl, TokenSettings settings, std::string scope);
  TokenSource(const TokenSource&) = delete;
  TokenSource& operator=(const TokenSource&) = delete;

  /// As of TokenCache.
  void get(std::uint64_t deadline_ns, Done done) { cache_.get(deadline_ns, std::move(done)); }
  void forget(const std::string& text) { cache_.forget(text); }
  void serves() { cache_.serves(); }
  void close() { cache_.close(); }

 private:
  void ask();
  [[nodiscard]] common::HttpRequest make_request();

  common::CurlLoop& curl_;
  const TokenSettings settings_;
  const std::string scope_;
  std::string body_;  ///< of the request that is out
  common::TokenCache cache_;
};

}  // namespace cleat::azure
