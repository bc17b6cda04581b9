#include "object_request.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "common/base64.hpp"
#include "common/json_text.hpp"
#include "common/text.hpp"
#include "common/unquote.hpp"
#include "common/url.hpp"
#include "common/uuid.hpp"

namespace cleat::bucket {
namespace {

using common::json_string;
using common::JsonValue;

constexpr std::array<const char*, 5> kProperties{"cacheControl", "contentEncoding", "contentDisposition",
                                                 "contentLanguage", "storageClass"};
constexpr std::string_view kMetadata = "x-goog-meta-";

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 20 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// {"name":"value",...} of the entries x-goog-meta-NAME, names in small letters as Google keeps them; empty without.
std::string custom_metadata(const Request& request) {
  const cleat_map& metadata = request.raw().metadata;
  std::string out;
  for (std::size_t i = 0; i < metadata.count; ++i) {
    const std::string name = common::lower(view(metadata.items[i].key));
    if (name.size() <= kMetadata.size() || name.rfind(kMetadata, 0) != 0) continue;
    out += out.empty() ? "{" : ",";
    out += json_string(name.substr(kMetadata.size())) + ":" + json_string(view(metadata.items[i].value));
  }
  return out.empty() ? out : out + "}";
}

std::string resource_of(const Request& request, const std::string& content_type) {
  std::string out;
  for (const char* name : kProperties) {
    const auto value = request.metadata(name);
    if (value && !value->empty()) out += "," + json_string(name) + ":" + json_string(*value);
  }
  if (const std::string custom = custom_metadata(request); !custom.empty()) out += ",\"metadata\":" + custom;
  return out.empty() ? out : "{\"contentType\":" + json_string(content_type) + out + "}";
}

std::string checked(std::string_view key) {
  // Whoever stands in between would make a path without them, which is the bucket's own.
  if (key == "." || key == "..")
    throw Error(CLEAT_INVALID, "key: expected another name than '.' and '..', which no object can have");
  return std::string(key);
}

std::string_view given_key(const Request& request) {
  const std::string_view name = request.metadata("name").value_or("");
  return name.empty() ? request.metadata("key").value_or("") : name;
}

}  // namespace

std::string key_of(const Request& request) {
  const std::string_view key = given_key(request);
  if (key.empty())
    throw Error(CLEAT_INVALID,
                kErrorPrefix + std::string("can't read key value: expected the metadata 'key'"));
  return checked(key);
}

bool flag_of(const Request& request, const char* name, bool otherwise) {
  const auto given = request.metadata(name);
  return given && !given->empty() ? common::is_true(*given) : otherwise;
}

Query conditions_of(const Request& request) {
  Query out;
  for (const char* name :
       {"ifGenerationMatch", "ifGenerationNotMatch", "ifMetagenerationMatch", "ifMetagenerationNotMatch"}) {
    const auto given = request.metadata(name);
    if (!given || given->empty()) continue;
    if (!is_number(*given)) {
      throw Error(CLEAT_INVALID, "metadata '" + std::string(name) + "': expected a whole number, found '" +
                                     std::string(*given) + "'");
    }
    out.emplace_back(name, *given);
  }
  return out;
}

void read_new_object(const Request& request, const BucketConfig& config, NewObject& out) {
  const std::string_view key = given_key(request);
  out.is_named = !key.empty();
  out.key = out.is_named ? checked(key) : common::random_uuid();
  out.content_type = request.metadata("contentType").value_or(config.content_type);
  if (out.content_type.empty()) out.content_type = "application/octet-stream";
  if (out.content_type.find_first_of("\r\n") != std::string::npos)
    throw Error(CLEAT_INVALID, "metadata 'contentType': expected one line");
  out.resource = resource_of(request, out.content_type);
  out.conditions = conditions_of(request);
  auto inside = config.strict_dapr ? common::go_unquoted(request.data()) : common::unquoted(request.data());
  out.data = request.data();
  if (inside) out.data = out.owned = std::move(*inside);
  if (!flag_of(request, "decodeBase64", config.decode_base64)) return;
  auto decoded = common::from_base64(out.data);
  if (!decoded) throw Error(CLEAT_INVALID, "the data is not base64, which decodeBase64 asks for");
  out.data = out.owned = std::move(*decoded);
}

void refuse_data(const char* operation, const std::string& why) {
  throw Error(CLEAT_INVALID, kErrorPrefix + ("invalid " + std::string(operation) + " payload: ") + why);
}

JsonValue object_of(const Request& request, const char* operation) {
  const std::string_view data = common::trimmed(request.data());
  JsonValue out;
  if (data.empty() || data == "null") return out;
  try {
    out = common::parse_json(data);
  } catch (const std::invalid_argument& error) {
    refuse_data(operation, std::string("expected JSON: ") + error.what());
  }
  if (out.kind != JsonValue::Kind::object) refuse_data(operation, "expected a JSON object");
  return out;
}

std::string text_in(const JsonValue& asked, const char* name, const char* operation) {
  const JsonValue* const found = asked.find_in_any_case(name);
  if (found == nullptr) return {};
  if (found->kind != JsonValue::Kind::text) refuse_data(operation, std::string(name) + ": expected a text");
  return found->text;
}

std::string objects_url(const BucketConfig& config, std::string_view bucket) {
  return config.place.url + "/storage/v1/b/" + common::encoded_path(bucket, false) + "/o";
}

std::string object_url(const BucketConfig& config, std::string_view bucket, std::string_view key) {
  return objects_url(config, bucket) + "/" + common::encoded_path(key, false);
}

google::ServiceRequest request_of(const Request& request, const char* what, const char* method,
                                  std::string url) {
  google::ServiceRequest out;
  out.what = what;
  out.method = method;
  out.url = std::move(url);
  out.may_run_twice = true;
  out.tag = request.id();
  out.deadline_ns = request.deadline().at_ns != 0 ? request.deadline().at_ns : INT64_MAX;
  return out;
}

}  // namespace cleat::bucket
