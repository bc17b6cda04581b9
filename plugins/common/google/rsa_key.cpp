#include "common/google/rsa_key.hpp"

#include <cleat/values.hpp>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>

#include "common/base64.hpp"
#include "common/tls.hpp"

namespace cleat::google {
namespace {

struct FreeBio {
  void operator()(BIO* bio) const { ::BIO_free(bio); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { ::EVP_MD_CTX_free(context); }
};

/// Of a key that is kept as one line of an environment or of JSON.
std::string with_line_ends(std::string_view pem) {
  std::string out;
  for (std::size_t i = 0; i < pem.size(); ++i) {
    const bool is_line_end = pem[i] == '\\' && i + 1 < pem.size() && pem[i + 1] == 'n';
    out += is_line_end ? '\n' : pem[i];
    if (is_line_end) ++i;
  }
  return out;
}

/// A key without a password; without this OpenSSL would ask at the terminal.
int no_password(char*, int, int, void*) {
  return -1;
}

}  // namespace

void RsaKey::Free::operator()(EVP_PKEY* key) const {
  ::EVP_PKEY_free(key);
}

RsaKey::RsaKey(std::string_view pem, std::string_view name) {
  const std::string text = with_line_ends(pem);
  const std::unique_ptr<BIO, FreeBio> bio(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (bio) key_.reset(::PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!key_)
    throw Error(CLEAT_INVALID,
                std::string(name) +
                    ": expected an RSA private key in PEM, found something else: " + common::tls_reasons());
  if (::EVP_PKEY_get_base_id(key_.get()) != EVP_PKEY_RSA)
    throw Error(CLEAT_INVALID,
                std::string(name) + ": expected an RSA private key, found one of another kind");
}

std::string RsaKey::sign(std::string_view text) const {
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(::EVP_MD_CTX_new());
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  std::string out;
  const bool is_begun =
      context && ::EVP_DigestSignInit(context.get(), nullptr, ::EVP_sha256(), nullptr, key_.get()) == 1 &&
      ::EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) == 1;
  out.resize(size);
  if (!is_begun || ::EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes,
                                    text.size()) != 1)
    throw Error(CLEAT_INTERNAL, "OpenSSL did not sign: " + common::tls_reasons());
  out.resize(size);
  return out;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return out;
}

std::string sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (::EVP_Digest(text.data(), text.size(), digest.data(), &size, ::EVP_sha256(), nullptr) != 1)
    throw Error(CLEAT_INTERNAL, "OpenSSL did not hash: " + common::tls_reasons());
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string base64url(std::string_view bytes) {
  std::string out = common::base64(bytes);
  out.resize(out.find_last_not_of('=') + 1);
  for (char& c : out) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return out;
}

}  // namespace cleat::google
