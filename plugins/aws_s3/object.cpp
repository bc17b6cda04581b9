#include "object.hpp"

#include <algorithm>

#include "common/base64.hpp"
#include "common/text.hpp"
#include "common/unquote.hpp"
#include "common/url.hpp"
#include "common/uuid.hpp"

namespace cleat::s3 {
namespace {

constexpr std::size_t kLongestKey = 1024;

void check_key(std::string_view key) {
  if (key.size() > kLongestKey) {
    throw Error(CLEAT_INVALID, "s3 binding error: metadata 'key': expected at most 1024 bytes, found " +
                                   std::to_string(key.size()));
  }
}

/// What goes into a header as it is.
void check_text(std::string_view name, std::string_view value) {
  if (std::any_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }))
    throw Error(CLEAT_INVALID, std::string(name) + ": expected one line of text, found control characters");
}

/// Of a call over gRPC it says how that is encoded.
bool is_of_transport(std::string_view type) {
  return type.rfind("application/grpc", 0) == 0;
}

}  // namespace

bool is_on(const Request& request, std::string_view name, bool otherwise) {
  const auto given = request.metadata(name);
  return given && !given->empty() ? common::is_true(*given) : otherwise;
}

std::string text_of(const Request& request, std::string_view name, const std::string& otherwise) {
  const auto given = request.metadata(name);
  return given && !given->empty() ? std::string(*given) : otherwise;
}

std::string key_of(const Request& request) {
  const std::string_view key = request.metadata("key").value_or("");
  if (key.empty()) throw Error(CLEAT_INVALID, "s3 binding error: required metadata 'key' missing");
  check_key(key);
  return std::string(key);
}

std::optional<std::chrono::seconds> presign_ttl(const Request& request, const S3Config& config) {
  const std::string text = text_of(request, "presignTTL", config.presign_ttl);
  if (text.empty()) return std::nullopt;
  return parse_presign_ttl(text);
}

std::string tagging_of(std::string_view tags) {
  std::string out;
  for (const std::string_view tag : common::split_list(tags)) {
    const std::size_t sign = tag.find('=');
    const std::string_view name = common::trimmed(tag.substr(0, sign));
    if (sign == std::string_view::npos || name.empty()) {
      throw Error(CLEAT_INVALID, "s3 binding error: parsing tags failed: invalid tag format: '" +
                                     std::string(tag) + "' (expected key=value)");
    }
    out += (out.empty() ? "" : "&") + common::url_encoded(name) + "=" +
           common::url_encoded(common::trimmed(tag.substr(sign + 1)));
  }
  return out;
}

std::string decoded(std::string_view text) {
  auto bytes = common::from_base64(text);
  if (!bytes)
    throw Error(CLEAT_INVALID, "data: expected base64, because decodeBase64 is on, found something else");
  return *std::move(bytes);
}

void add_type(std::vector<common::HttpHeader>& to, std::string_view type) {
  const std::string_view plain = common::trimmed(type);
  check_text("metadata 'Content-Type'", plain);
  // Without one libcurl would add its own.
  to.push_back({"Content-Type", plain.empty() ? "binary/octet-stream" : std::string(plain)});
}

NewObject new_object(const Request& request, const S3Config& config) {
  NewObject out;
  const std::string_view key = request.metadata("key").value_or("");
  check_key(key);
  out.key = key.empty() ? common::random_uuid() : std::string(key);
  const std::string_view type = request.metadata("Content-Type").value_or("");
  add_type(out.headers, is_of_transport(type) && !config.strict_dapr ? std::string_view() : type);
  if (const auto tags = request.metadata("tags"); tags && !common::trimmed(*tags).empty())
    out.headers.push_back({"x-amz-tagging", tagging_of(*tags)});
  if (const std::string storage = text_of(request, "storageClass", config.storage_class); !storage.empty()) {
    check_text("storageClass", storage);
    out.headers.push_back({"x-amz-storage-class", storage});
  }
  out.decode = is_on(request, "decodeBase64", config.decode_base64);
  out.file_path = text_of(request, "filePath", config.file_path);
  if (!out.file_path.empty()) return out;
  out.owned = common::unquoted(request.data());
  out.borrowed = request.data();
  if (out.decode) out.owned = decoded(out.bytes());
  return out;
}

}  // namespace cleat::s3
