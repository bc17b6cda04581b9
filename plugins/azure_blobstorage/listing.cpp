#include "listing.hpp"

#include <array>
#include <charconv>
#include <stdexcept>

#include "common/json_text.hpp"
#include "common/json_value.hpp"
#include "common/text.hpp"
#include "common/xml.hpp"

namespace cleat::blobstorage {
namespace {

using common::JsonValue;

[[noreturn]] void refuse(const char* field, const char* expected) {
  throw Error(CLEAT_INVALID, std::string("the data of list: ") + field + ": expected " + expected);
}

std::string text_of(const JsonValue& in, const char* name) {
  const JsonValue* const found = in.find_in_any_case(name);
  if (found == nullptr) return {};
  if (found->kind != JsonValue::Kind::text) refuse(name, "a text");
  return found->text;
}

std::string most_of(const JsonValue& in) {
  const JsonValue* const found = in.find_in_any_case("maxResults");
  if (found == nullptr) return "5000";
  int most = 0;
  const auto [end, error] = std::from_chars(found->raw.data(), found->raw.data() + found->raw.size(), most);
  if (error != std::errc() || end != found->raw.data() + found->raw.size() || most < 0 || most > 5000)
    refuse("maxResults", "a whole number up to 5000");
  return most == 0 ? "5000" : std::to_string(most);
}

std::string include_of(const JsonValue& in) {
  constexpr std::array<std::pair<const char*, const char*>, 5> kParts{
      {{"copy", "copy"},
       {"metadata", "metadata"},
       {"snapshots", "snapshots"},
       {"uncommittedBlobs", "uncommittedblobs"},
       {"deleted", "deleted"}}};
  const JsonValue* const include = in.find_in_any_case("include");
  std::string out;
  if (include == nullptr) return out;
  if (include->kind != JsonValue::Kind::object) refuse("include", "an object");
  for (const auto& [field, word] : kParts) {
    const JsonValue* const found = include->find_in_any_case(field);
    if (found == nullptr || found->raw == "false") continue;
    if (found->raw != "true") refuse(field, "true or false");
    out += (out.empty() ? "" : ",") + std::string(word);
  }
  return out;
}

bool is_number(std::string_view name) {
  return name == "Content-Length" || name == "AccessTierInferred" || name == "ServerEncrypted";
}

/// What an element holds: its children, or its text. Nothing in it is null, as Azure's own client for Go writes it.
void append(std::string& out, const common::XmlNode& node) {
  if (node.children.empty()) {
    if (node.text.empty()) {
      out += "null";
    } else if (is_number(node.name) &&
               node.text.find_first_not_of("0123456789truefals") == std::string::npos) {
      out += node.text;
    } else {
      common::append_json_string(out, node.text);
    }
    return;
  }
  out += '{';
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    if (i != 0) out += ',';
    // "Content-Length" and "Content-MD5" are ContentLength and ContentMD5 there.
    std::string name = node.children[i].name;
    if (node.name == "Properties") std::erase(name, '-');
    common::append_json_string(out, name);
    out += ':';
    append(out, node.children[i]);
  }
  out += '}';
}

}  // namespace

azure::ServiceRequest list_of(const Request& request) {
  azure::ServiceRequest out;
  out.what = "List Blobs";
  out.query = {{"restype", "container"}, {"comp", "list"}};
  out.may_run_twice = true;
  JsonValue asked;
  const std::string_view data = common::trimmed(request.data());
  if (!data.empty() && data != "null") {
    try {
      asked = common::parse_json(data);
    } catch (const std::invalid_argument& error) {
      throw Error(CLEAT_INVALID, std::string("the data of list is no JSON: ") + error.what());
    }
    if (asked.kind != JsonValue::Kind::object) refuse("all of it", "an object");
  }
  out.query.emplace_back("maxresults", most_of(asked));
  for (const char* name : {"marker", "prefix"}) {
    const std::string text = text_of(asked, name);
    if (!text.empty()) out.query.emplace_back(name, text);
  }
  const std::string include = include_of(asked);
  if (!include.empty()) out.query.emplace_back("include", include);
  return out;
}

Response answer_of_list(std::string_view answer) {
  const auto listing = common::parse_xml(answer);
  const common::XmlNode* const blobs = listing ? listing->find("Blobs") : nullptr;
  if (blobs == nullptr)
    throw Error(CLEAT_REMOTE, "the answer to List Blobs is not what was expected", CLEAT_RETRYABLE);
  std::string out = "[";
  std::size_t count = 0;
  for (const common::XmlNode& blob : blobs->children) {
    if (blob.name != "Blob") continue;
    if (count++ != 0) out += ',';
    append(out, blob);
  }
  out += ']';
  return {Buffer::of(std::move(out)),
          "application/json",
          {{"marker", listing->text_of("NextMarker")},
           {"number", std::to_string(count)},
           {"pagesTraversed", "1"}}};
}

}  // namespace cleat::blobstorage
