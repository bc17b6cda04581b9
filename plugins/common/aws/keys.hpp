#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace cleat::aws {

constexpr std::uint64_t kNeverExpires = UINT64_MAX;

/// What a request is signed with.
struct Keys {
  std::string id, secret, token;               ///< without `token` they are not temporary
  std::uint64_t expires_at_s = kNeverExpires;  ///< seconds since 1970
};
using KeysPtr = std::shared_ptr<const Keys>;

/// Where keys come from: what the component says, or, without an access key, what the machine has.
struct KeyOptions {
  std::string access_key, secret_key, session_token;
  std::string role_arn, role_session = "DaprDefaultSession",
                        external_id;  ///< a role to assume with these keys
  std::string ca;  ///< PEM text of who signs the certificates of STS; the system's without it
};

/// Asks for keys. AWS's library is behind it, with a thread of its own in this process as soon as one needs the network.
class KeySource {
 public:
  /// Keys, or nothing and why. On any thread, perhaps from inside fetch().
  using Got = std::function<void(KeysPtr keys, const std::string& why)>;

  /// Throws Error(CLEAT_INVALID) if there is nowhere to ask.
  static std::unique_ptr<KeySource> make(const KeyOptions& options);
  KeySource() = default;
  KeySource(const KeySource&) = delete;
  KeySource& operator=(const KeySource&) = delete;
  virtual ~KeySource() = default;
  virtual void fetch(Got got) = 0;
};

/// The region that the environment names (AWS_REGION, AWS_DEFAULT_REGION), or else the profile; empty without one.
std::string region_of_machine();

}  // namespace cleat::aws
