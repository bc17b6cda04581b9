#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>

namespace cleat::google {

/// The private key of a service account. Any thread.
class RsaKey {
 public:
  /// `pem`: PKCS#8 or PKCS#1, whose line ends may be written as \n. Throws Error(CLEAT_INVALID) that begins with `name`,
  /// never with any of the text.
  RsaKey(std::string_view pem, std::string_view name);

  /// RSASSA-PKCS1-v1_5 with SHA-256. Throws Error(CLEAT_INTERNAL) if OpenSSL fails.
  [[nodiscard]] std::string sign(std::string_view text) const;

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const;
  };
  std::unique_ptr<EVP_PKEY, Free> key_;
};

/// What it is in hexadecimal digits, small ones.
std::string hex(std::string_view bytes);
std::string sha256(std::string_view text);

/// Base 64 for URLs, without padding (RFC 7515).
std::string base64url(std::string_view bytes);

}  // namespace cleat::google
