#include "attributes.hpp"

#include <cstdint>
#include <string_view>

#include "common/base64.hpp"
#include "common/json_text.hpp"

namespace cleat::bucket {
namespace {

using common::json_string;
using common::JsonValue;

/// Writes the members of one JSON object.
class Writer {
 public:
  void raw(const char* name, std::string_view json) {
    out_ += (out_.empty() ? "{\"" : ",\"") + std::string(name) + "\":";
    out_ += json;
  }
  void text(const char* name, const std::string& value) { raw(name, json_string(value)); }
  void number(const char* name, const std::string& digits) {
    const bool is_number =
        !digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos && digits.size() < 20;
    raw(name, is_number ? digits : "0");
  }
  void flag(const char* name, const std::string& value) { raw(name, value == "true" ? "true" : "false"); }
  /// As Go writes it: a fraction of a second without zeros at its end.
  void time(const char* name, std::string value) {
    if (value.empty()) value = "0001-01-01T00:00:00Z";
    const std::size_t dot = value.find('.');
    if (dot != std::string::npos && value.back() == 'Z') {
      value.pop_back();
      value.resize(value.find_last_not_of('0') + 1);
      if (value.back() == '.') value.pop_back();
      value += 'Z';
    }
    text(name, value);
  }
  std::string end() { return std::move(out_) + "}"; }

 private:
  std::string out_;
};

/// The four bytes as a number.
std::string crc32c(const std::string& base64) {
  const auto bytes = common::from_base64(base64);
  if (!bytes || bytes->size() != 4) return "0";
  std::uint32_t value = 0;
  for (const char c : *bytes)
    value = value << 8U | static_cast<unsigned char>(c);
  return std::to_string(value);
}

std::string text_within(const JsonValue& object, const char* name, const char* inner) {
  const JsonValue* const found = object.find(name);
  return found != nullptr ? text_of(*found, inner) : std::string();
}

std::string acl_of(const JsonValue& object) {
  const JsonValue* const rules = object.find("acl");
  if (rules == nullptr || rules->items.empty()) return "null";
  std::string out;
  for (const JsonValue& rule : rules->items) {
    Writer one;
    one.text("Entity", text_of(rule, "entity"));
    one.text("EntityID", text_of(rule, "entityId"));
    one.text("Role", text_of(rule, "role"));
    one.text("Domain", text_of(rule, "domain"));
    one.text("Email", text_of(rule, "email"));
    const JsonValue* const team = rule.find("projectTeam");
    if (team == nullptr) {
      one.raw("ProjectTeam", "null");
    } else {
      Writer inner;
      inner.text("ProjectNumber", text_of(*team, "projectNumber"));
      inner.text("Team", text_of(*team, "team"));
      one.raw("ProjectTeam", inner.end());
    }
    out += (out.empty() ? "[" : ",") + one.end();
  }
  return out + "]";
}

std::string metadata_of(const JsonValue& object) {
  const JsonValue* const metadata = object.find("metadata");
  if (metadata == nullptr || metadata->kind != JsonValue::Kind::object) return "null";
  std::string out;
  for (const auto& [name, value] : metadata->members)
    out += (out.empty() ? "{" : ",") + json_string(name) + ":" + json_string(value.text);
  return out.empty() ? "{}" : out + "}";
}

std::string all_of(const JsonValue& object, const std::string& prefix) {
  Writer out;
  out.text("Bucket", text_of(object, "bucket"));
  out.text("Name", text_of(object, "name"));
  out.text("ContentType", text_of(object, "contentType"));
  out.text("ContentLanguage", text_of(object, "contentLanguage"));
  out.text("CacheControl", text_of(object, "cacheControl"));
  out.flag("EventBasedHold", text_of(object, "eventBasedHold"));
  out.flag("TemporaryHold", text_of(object, "temporaryHold"));
  out.time("RetentionExpirationTime", text_of(object, "retentionExpirationTime"));
  out.raw("ACL", acl_of(object));
  out.text("PredefinedACL", "");
  out.text("Owner", text_within(object, "owner", "entity"));
  out.number("Size", text_of(object, "size"));
  out.text("ContentEncoding", text_of(object, "contentEncoding"));
  out.text("ContentDisposition", text_of(object, "contentDisposition"));
  const std::string md5 = text_of(object, "md5Hash");
  out.raw("MD5", md5.empty() ? "null" : json_string(md5));
  out.raw("CRC32C", crc32c(text_of(object, "crc32c")));
  out.text("MediaLink", text_of(object, "mediaLink"));
  out.raw("Metadata", metadata_of(object));
  out.number("Generation", text_of(object, "generation"));
  out.number("Metageneration", text_of(object, "metageneration"));
  out.text("StorageClass", text_of(object, "storageClass"));
  out.time("Created", text_of(object, "timeCreated"));
  out.time("Deleted", text_of(object, "timeDeleted"));
  out.time("Updated", text_of(object, "updated"));
  out.text("CustomerKeySHA256", text_within(object, "customerEncryption", "keySha256"));
  out.text("KMSKeyName", text_of(object, "kmsKeyName"));
  out.text("Prefix", prefix);
  out.text("Etag", text_of(object, "etag"));
  out.time("CustomTime", text_of(object, "customTime"));
  out.number("ComponentCount", text_of(object, "componentCount"));
  return out.end();
}

}  // namespace

std::string text_of(const JsonValue& object, const char* name) {
  const JsonValue* const found = object.find(name);
  if (found == nullptr) return {};
  return found->kind == JsonValue::Kind::text ? found->text : std::string(found->raw);
}

std::string attributes_of(const JsonValue& object) {
  return all_of(object, {});
}

std::string attributes_of_prefix(const std::string& prefix) {
  return all_of({}, prefix);
}

}  // namespace cleat::bucket
