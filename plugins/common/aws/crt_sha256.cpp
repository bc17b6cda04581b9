#include <aws/cal/hash.h>

#include <array>
#include <cleat/values.hpp>
#include <cstdint>

#include "common/aws/crt_library.hpp"
#include "common/aws/sha256.hpp"

namespace cleat::aws {
namespace {

void check(bool is_good) {
  if (!is_good) throw Error(CLEAT_INTERNAL, "the hash of a body cannot be had: " + library_error());
}

}  // namespace

Sha256::Sha256() : hash_(aws_sha256_new(library())) {
  check(hash_ != nullptr);
}

void Sha256::Free::operator()(aws_hash* hash) const {
  aws_hash_destroy(hash);
}

void Sha256::add(std::string_view bytes) {
  const aws_byte_cursor piece = cursor(bytes);
  check(aws_hash_update(hash_.get(), &piece) == AWS_OP_SUCCESS);
}

std::string Sha256::hex() {
  std::array<std::uint8_t, AWS_SHA256_LEN> digest{};
  aws_byte_buf out = aws_byte_buf_from_empty_array(digest.data(), digest.size());
  check(aws_hash_finalize(hash_.get(), &out, 0) == AWS_OP_SUCCESS);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : digest) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

}  // namespace cleat::aws
