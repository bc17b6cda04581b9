#include "blob_request.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "common/base64.hpp"
#include "common/curl/answer.hpp"
#include "common/grpc_metadata.hpp"
#include "common/json_text.hpp"
#include "common/text.hpp"
#include "common/ttl.hpp"
#include "common/unquote.hpp"
#include "common/url.hpp"
#include "common/uuid.hpp"

namespace cleat::blobstorage {
namespace {

constexpr std::array<std::pair<std::string_view, const char*>, 5> kProperties{
    {{"contenttype", "x-ms-blob-content-type"},
     {"contentencoding", "x-ms-blob-content-encoding"},
     {"contentlanguage", "x-ms-blob-content-language"},
     {"contentdisposition", "x-ms-blob-content-disposition"},
     {"cachecontrol", "x-ms-blob-cache-control"}}};

std::string md5(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (::EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, ::EVP_md5(), nullptr) != 1)
    throw Error(CLEAT_UNSUPPORTED, "metadata 'contentMD5': this machine's OpenSSL does not offer MD5");
  return common::base64({reinterpret_cast<const char*>(digest.data()), length});
}

bool is_of_trace(std::string_view name) {
  return name == "traceparent" || name == "tracestate" || name == "baggage";
}

std::string only(std::string_view text, bool (*is_kept)(char)) {
  std::string out;
  std::copy_if(text.begin(), text.end(), std::back_inserter(out), is_kept);
  return out;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Metadata of a blob has names that begin with a letter.
void add_metadata(std::vector<common::HttpHeader>& to, std::string_view name, std::string_view value) {
  const std::string kept = only(name, is_name_character);
  if (kept.empty() || (kept.front() >= '0' && kept.front() <= '9')) {
    throw Error(CLEAT_INVALID,
                "metadata '" + std::string(name) +
                    "': expected a name that begins with a letter, it becomes metadata of the blob");
  }
  to.push_back({"x-ms-meta-" + kept, std::string(common::trimmed(printable(value)))});
}

void add_headers(const Request& request, const BlobConfig& config, NewBlob& out) {
  const cleat_map& metadata = request.raw().metadata;
  for (std::size_t i = 0; i < metadata.count; ++i) {
    const std::string_view name = view(metadata.items[i].key), value = view(metadata.items[i].value);
    const std::string lower = common::lower(name);
    if (lower == "blobname" || lower == "signttl") continue;
    const auto* const property = std::find_if(kProperties.begin(), kProperties.end(),
                                              [&](const auto& each) { return each.first == lower; });
    if (lower == "contentmd5") {
      const auto digest = common::from_base64(value);
      if (!digest || digest->size() != 16)
        throw Error(CLEAT_INVALID,
                    "metadata 'contentMD5': expected 16 bytes in base64, found something else");
      out.content_md5 = value;
    } else if (property != kProperties.end()) {
      out.headers.push_back({property->second, printable(value)});
    } else if (config.strict_dapr || !(common::is_of_grpc(name, value) || is_of_trace(lower))) {
      add_metadata(out.headers, name, value);
    }
  }
}

}  // namespace

std::string printable(std::string_view text) {
  return only(text, [](char c) { return c >= ' ' && c <= '~'; });
}

std::string blob_name(const Request& request) {
  const std::string_view name = request.metadata("blobName").value_or("");
  if (name.empty()) throw Error(CLEAT_INVALID, "blobName is a required attribute");
  return std::string(name);
}

std::optional<std::chrono::seconds> sign_ttl(const Request& request) {
  const auto given = request.metadata("signTTL");
  if (!given || given->empty()) return std::nullopt;
  std::chrono::nanoseconds time{0};
  try {
    time = common::parse_ttl(*given);
  } catch (const Error&) {
    time = {};
  }
  if (time.count() <= 0) {
    throw Error(CLEAT_INVALID,
                "metadata 'signTTL': expected a duration such as 15m, found '" + std::string(*given) + "'");
  }
  return std::chrono::ceil<std::chrono::seconds>(time);
}

std::string delete_snapshots(std::string_view how) {
  std::string out = common::lower(how);
  if (!out.empty() && out != "include" && out != "only")
    throw Error(CLEAT_INVALID, "deleteSnapshots: expected include or only, found '" + out + "'");
  return out;
}

azure::Failure in_words_of_dapr(azure::Failure failure) {
  if (failure.code == "BlobNotFound") failure.text = "blob not found: " + failure.text;
  if (failure.status == CLEAT_TOO_LARGE) failure.text += ": see maxBlobSize";
  return failure;
}

azure::Failure failure_of(const Error& error) {
  azure::Failure out;
  out.status = error.status;
  out.is_retryable = (error.flags & CLEAT_RETRYABLE) != 0;
  out.text = error.what();
  return out;
}

std::string path_of(const BlobConfig& config, std::string_view blob) {
  return "/" + common::encoded_path(config.container, false) + "/" + common::encoded_path(blob, true);
}

std::string presigned(const BlobConfig& config, const std::string& blob, std::chrono::seconds how_long) {
  if (config.account.key.empty())
    throw Error(CLEAT_UNSUPPORTED,
                "an URL can be signed with the key of the account only: expected accountKey or a "
                "connectionString with one");
  const auto until = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + how_long;
  return config.account.url + path_of(config, blob) + "?" +
         azure::read_sas(config.account.name, config.account.key, config.container, blob, until);
}

void read_new_blob(const Request& request, const BlobConfig& config, NewBlob& out) {
  const std::string_view name = request.metadata("blobName").value_or("");
  out.name = name.empty() ? common::random_uuid() : std::string(name);
  out.sign_for = sign_ttl(request);
  add_headers(request, config, out);
  auto inside = config.strict_dapr ? common::go_unquoted(request.data()) : common::unquoted(request.data());
  out.data = request.data();
  if (inside) out.data = out.owned = std::move(*inside);
  if (config.decode_base64) {
    auto decoded = common::from_base64(out.data);
    if (!decoded) throw Error(CLEAT_INVALID, "the data is not base64, which decodeBase64 asks for");
    out.data = out.owned = std::move(*decoded);
  }
  if (!out.content_md5.empty() && md5(out.data) != out.content_md5) {
    throw Error(
        CLEAT_INVALID,
        "Md5Mismatch: the MD5 value specified in the request did not match the data: check contentMD5");
  }
}

Response answer_of_create(const BlobConfig& config, const std::string& name, const std::string& presigned_url,
                          const common::HttpResponse& answer) {
  std::string body = "{\"blobURL\":" + common::json_string(config.account.url + path_of(config, name)) +
                     ",\"blobName\":" + common::json_string(name);
  if (!presigned_url.empty()) body += ",\"presignURL\":" + common::json_string(presigned_url);
  body += "}";
  return {Buffer::of(std::move(body)),
          "application/json",
          {{"blobName", name}, {"ETag", common::header_of(answer, "etag")}}};
}

Response answer_of_get(common::HttpResponse& answer, bool with_metadata) {
  constexpr std::string_view kBeginning = "x-ms-meta-";
  Response out;
  out.content_type = common::header_of(answer, "content-type");
  out.metadata.emplace_back("ETag", common::header_of(answer, "etag"));
  for (const auto& [given, value] : answer.headers) {
    if (!with_metadata || !common::equal_ignoring_case(given.substr(0, kBeginning.size()), kBeginning))
      continue;
    std::string name = common::lower(given.substr(kBeginning.size()));
    // As Go writes a header's name, and with it Dapr.
    if (!name.empty() && name[0] >= 'a' && name[0] <= 'z') name[0] = static_cast<char>(name[0] - ('a' - 'A'));
    out.metadata.emplace_back(std::move(name), value);
  }
  out.data = Buffer::of(std::move(answer.body));
  return out;
}

}  // namespace cleat::blobstorage
