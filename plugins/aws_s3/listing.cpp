#include "listing.hpp"

#include <charconv>
#include <stdexcept>

#include "common/json_text.hpp"
#include "common/json_value.hpp"
#include "common/text.hpp"
#include "common/url.hpp"
#include "common/xml.hpp"

namespace cleat::s3 {
namespace {

using common::JsonValue;
using common::XmlNode;

constexpr int kMostResults = 1000;

[[noreturn]] void refuse(const std::string& field, const char* expected) {
  throw Error(CLEAT_INVALID, "the data of list: " + field + ": expected " + expected);
}

std::string text_of(const JsonValue& in, const char* name) {
  const JsonValue* const found = in.find_in_any_case(name);
  if (found == nullptr) return {};
  if (found->kind != JsonValue::Kind::text) refuse(name, "a text");
  return found->text;
}

int most_of(const JsonValue& in) {
  const JsonValue* const found = in.find_in_any_case("maxResults");
  if (found == nullptr) return kMostResults;
  int most = 0;
  const char* const end = found->raw.data() + found->raw.size();
  const auto [at, error] = std::from_chars(found->raw.data(), end, most);
  if (error != std::errc() || at != end || most < 0) refuse("maxResults", "a whole number from 0 on");
  return most == 0 ? kMostResults : most;
}

/// Names come with escapes, because XML cannot hold every character of a key.
class Names {
 public:
  explicit Names(const XmlNode& listing) : is_encoded_(listing.text_of("EncodingType") == "url") {}
  [[nodiscard]] std::string plain(const std::string& text) const {
    if (!is_encoded_) return text;
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      unsigned char value = 0;
      const bool is_escape =
          text[i] == '%' && i + 2 < text.size() &&
          std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3;
      out += is_escape ? static_cast<char>(value) : text[i] == '+' ? ' ' : text[i];
      if (is_escape) i += 2;
    }
    return out;
  }

 private:
  bool is_encoded_;
};

void begin_member(std::string& out, const char* name) {
  if (out.back() != '{') out += ',';
  out.append("\"").append(name).append("\":");
}

void add_text(std::string& out, const char* name, const XmlNode& in, const Names* names = nullptr) {
  begin_member(out, name);
  const XmlNode* const found = in.find(name);
  if (found == nullptr) {
    out += "null";
  } else {
    common::append_json_string(out, names != nullptr ? names->plain(found->text) : found->text);
  }
}

void add_plain(std::string& out, const char* name, const XmlNode& in) {
  begin_member(out, name);
  const std::string text = in.text_of(name);
  const bool is_plain = text == "true" || text == "false" ||
                        (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos);
  out += is_plain ? text : "null";
}

/// "2009-10-12T17:50:30.000Z" without the zeros, as Go writes a time.
void add_time(std::string& out, const char* name, const XmlNode& in) {
  std::string text = in.text_of(name);
  begin_member(out, name);
  if (const std::size_t dot = text.find('.'); dot != std::string::npos && text.back() == 'Z') {
    text.pop_back();
    while (text.back() == '0')
      text.pop_back();
    if (text.back() == '.') text.pop_back();
    text += 'Z';
  }
  out += text.empty() ? "null" : common::json_string(text);
}

void add_object(std::string& out, const XmlNode& object, const Names& names) {
  out += '{';
  begin_member(out, "ChecksumAlgorithm");
  std::string algorithms;
  for (const XmlNode& each : object.children) {
    if (each.name != "ChecksumAlgorithm") continue;
    algorithms += (algorithms.empty() ? "[" : ",") + common::json_string(each.text);
  }
  out += algorithms.empty() ? "null" : algorithms + "]";
  add_text(out, "ETag", object);
  add_text(out, "Key", object, &names);
  add_time(out, "LastModified", object);
  begin_member(out, "Owner");
  if (const XmlNode* const owner = object.find("Owner")) {
    out += '{';
    add_text(out, "DisplayName", *owner);
    add_text(out, "ID", *owner);
    out += '}';
  } else {
    out += "null";
  }
  begin_member(out, "RestoreStatus");
  out += "null";
  add_plain(out, "Size", object);
  add_text(out, "StorageClass", object);
  out += '}';
}

void add_all(std::string& out, const char* name, const XmlNode& listing, const Names& names) {
  begin_member(out, name);
  std::string all;
  for (const XmlNode& each : listing.children) {
    if (each.name != name) continue;
    all += all.empty() ? "[" : ",";
    if (each.name == "Contents") {
      add_object(all, each, names);
    } else {
      all += '{';
      add_text(all, "Prefix", each, &names);
      all += '}';
    }
  }
  out += all.empty() ? "null" : all + "]";
}

}  // namespace

Query list_query(std::string_view data) {
  JsonValue asked;
  data = common::trimmed(data);
  if (!data.empty() && data != "null") {
    try {
      asked = common::parse_json(data);
    } catch (const std::invalid_argument& error) {
      throw Error(CLEAT_INVALID, std::string("the data of list is no JSON: ") + error.what());
    }
    if (asked.kind != JsonValue::Kind::object) refuse("all of it", "an object");
  }
  Query out{{"encoding-type", "url"}, {"max-keys", std::to_string(most_of(asked))}};
  for (const char* name : {"delimiter", "marker", "prefix"}) {
    if (std::string text = text_of(asked, name); !text.empty()) out.emplace_back(name, std::move(text));
  }
  return out;
}

Response answer_of_list(std::string_view answer) {
  const auto listing = common::parse_xml(answer);
  if (!listing || listing->name != "ListBucketResult")
    throw Error(CLEAT_REMOTE, "S3 ListObjects: the answer is not what was expected", CLEAT_RETRYABLE);
  const Names names(*listing);
  std::string out = "{";
  add_all(out, "CommonPrefixes", *listing, names);
  add_all(out, "Contents", *listing, names);
  add_text(out, "Delimiter", *listing, &names);
  begin_member(out, "EncodingType");
  out += "null";
  add_plain(out, "IsTruncated", *listing);
  add_text(out, "Marker", *listing, &names);
  add_plain(out, "MaxKeys", *listing);
  add_text(out, "Name", *listing);
  add_text(out, "NextMarker", *listing, &names);
  add_text(out, "Prefix", *listing, &names);
  begin_member(out, "RequestCharged");
  out += "null}";
  return {Buffer::of(std::move(out)), "application/json", {}};
}

}  // namespace cleat::s3
