#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "sha256.hpp"

namespace cleat::bench {

/// AWS Signature Version 4 by OpenSSL, for one service in us-east-1 with one pair of keys. The key of a day is derived once.
class AwsSignature {
 public:
  AwsSignature(std::string service, std::string key_id, std::string secret);

  /// X-Amz-Date of now, which of() goes by until the next call.
  const std::string& note_time();
  /// The value of Authorization for a canonical request whose headers are `names`.
  [[nodiscard]] std::string of(std::string_view canonical, std::string_view names) const;

 private:
  std::string service_, key_id_, secret_;
  std::time_t at_ = 0;
  std::string time_{}, scope_{};
  Digest key_{};  ///< of the day in scope_
};

/// The hash of `text`, in hexadecimal.
std::string hash_of(std::string_view text);

}  // namespace cleat::bench
