#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/google/client.hpp"

namespace cleat::google {

/// Signs in the name of a service account: with its key, or without one by asking the service for it (signBlob, which
/// needs the role Service Account Token Creator). All but the constructor on the loop's thread.
class Signer {
 public:
  /// Exactly one of the two is given, for the time of the call.
  using Named = std::function<void(const std::string* email, const Failure* failure)>;
  using Signed = std::function<void(const std::string* signature, const Failure* failure)>;

  /// All outlive it.
  Signer(common::CurlLoop& curl, Client& client, const Credentials& credentials);

  /// The account's address.
  void name(std::uint64_t tag, std::uint64_t deadline_ns, Named done);
  /// RSA with SHA-256 of `text`. Only after name() has given an address.
  void sign(std::string text, std::uint64_t tag, std::uint64_t deadline_ns, Signed done);

 private:
  common::CurlLoop& curl_;
  Client& client_;
  const Credentials& credentials_;
  std::string email_;  ///< empty until it is known
};

}  // namespace cleat::google
