#include "aws_signature.hpp"

#include <array>
#include <utility>

namespace cleat::bench {
namespace {

constexpr const char* kRegion = "us-east-1";

std::string hex(const Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : digest)
    out += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  return out;
}

}  // namespace

std::string hash_of(std::string_view text) {
  return hex(sha256(text));
}

AwsSignature::AwsSignature(std::string service, std::string key_id, std::string secret)
    : service_(std::move(service)), key_id_(std::move(key_id)), secret_(std::move(secret)) {}

const std::string& AwsSignature::note_time() {
  const std::time_t now = std::time(nullptr);
  if (now == at_) return time_;
  at_ = now;
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  time_.assign(text.data(), std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts));
  const std::string day = time_.substr(0, 8), scope = day + "/" + kRegion + "/" + service_ + "/aws4_request";
  if (scope == scope_) return time_;
  scope_ = scope;
  key_ = hmac("AWS4" + secret_, day);
  for (const std::string_view part :
       {std::string_view(kRegion), std::string_view(service_), std::string_view("aws4_request")})
    key_ = hmac(bytes_of(key_), part);
  return time_;
}

std::string AwsSignature::of(std::string_view canonical, std::string_view names) const {
  const std::string text = "AWS4-HMAC-SHA256\n" + time_ + "\n" + scope_ + "\n" + hash_of(canonical);
  return std::string("AWS4-HMAC-SHA256 Credential=")
      .append(key_id_)
      .append("/")
      .append(scope_)
      .append(", SignedHeaders=")
      .append(names)
      .append(", Signature=")
      .append(hex(hmac(bytes_of(key_), text)));
}

}  // namespace cleat::bench
