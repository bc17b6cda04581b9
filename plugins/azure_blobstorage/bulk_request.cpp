#include "bulk_request.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "blob_request.hpp"
#include "common/json_value.hpp"

namespace cleat::blobstorage {
namespace {

using common::JsonValue;
using Kind = BulkRequest::Kind;

constexpr std::size_t kMostAtATime = 32;
/// What is read is kept until all of it is there.
constexpr std::size_t kReadAtATime = 4, kAtATime = 10;

std::string text_of(const JsonValue& value, const char* what) {
  if (value.kind != JsonValue::Kind::text)
    throw Error(CLEAT_INVALID, std::string("the data: ") + what + ": expected a text");
  return value.text;
}

std::string text_in(const JsonValue& in, const char* name) {
  const JsonValue* const found = in.find_in_any_case(name);
  return found != nullptr ? text_of(*found, name) : std::string();
}

const std::vector<JsonValue>* list_in(const JsonValue& in, const char* name) {
  const JsonValue* const found = in.find_in_any_case(name);
  if (found == nullptr) return nullptr;
  if (found->kind != JsonValue::Kind::array)
    throw Error(CLEAT_INVALID, std::string("the data: ") + name + ": expected an array");
  return &found->items;
}

JsonValue asked_of(std::string_view data) {
  JsonValue asked;
  try {
    asked = common::parse_json(data);
  } catch (const std::invalid_argument& error) {
    throw Error(CLEAT_INVALID, std::string("the data is no JSON: ") + error.what());
  }
  if (asked.kind != JsonValue::Kind::object)
    throw Error(CLEAT_INVALID, "the data: expected an object, found something else");
  return asked;
}

std::size_t at_a_time_of(const JsonValue& in, std::size_t otherwise) {
  const JsonValue* const found = in.find_in_any_case("concurrency");
  if (found == nullptr) return otherwise;
  std::int64_t wanted = 0;
  const char* const end = found->raw.data() + found->raw.size();
  const auto [read, error] = std::from_chars(found->raw.data(), end, wanted);
  if (error != std::errc() || read != end || wanted <= 0)
    throw Error(CLEAT_INVALID, "concurrency must be greater than 0");
  return std::min(static_cast<std::size_t>(wanted), kMostAtATime);
}

void read_items(const JsonValue& asked, BulkRequest& out) {
  const auto* const items = list_in(asked, "items");
  const bool is_get = out.kind == Kind::get;
  if (items == nullptr && out.prefix.empty() && is_get)
    throw Error(CLEAT_INVALID, "at least one of items or prefix is required");
  if ((items == nullptr || items->empty()) && out.prefix.empty())
    throw Error(CLEAT_INVALID, "items array must not be empty");
  if (items == nullptr) return;
  for (const JsonValue& each : *items) {
    BulkRequest::Item item;
    item.name = text_in(each, "blobName");
    item.type = printable(text_in(each, "contentType"));
    if (is_get) {
      item.file.path = text_in(each, "filePath");
    } else {
      item.data = text_in(each, "data");
      item.source = text_in(each, "sourcePath");
      if (!item.source.empty() && each.find_in_any_case("data") != nullptr)
        item.error = "expected data or sourcePath, found both";
    }
    out.items.push_back(std::move(item));
  }
}

void read_names(const JsonValue& asked, BulkRequest& out) {
  out.snapshots = delete_snapshots(text_in(asked, "deleteSnapshots"));
  const auto* const names = list_in(asked, "blobNames");
  if ((names == nullptr || names->empty()) && out.prefix.empty())
    throw Error(CLEAT_INVALID, "at least one of prefix or blobNames is required");
  if (names == nullptr) return;
  for (const JsonValue& each : *names)
    out.items.emplace_back().name = text_of(each, "blobNames");
}

}  // namespace

bool BulkRequest::has_files() const {
  return !destination.empty() || std::any_of(items.begin(), items.end(), [](const Item& item) {
    return !item.source.empty() || !item.file.path.empty();
  });
}

BulkRequest bulk_request(const Request& request, Kind kind) {
  const JsonValue asked = asked_of(request.data());
  BulkRequest out;
  out.kind = kind;
  out.at_a_time = at_a_time_of(asked, kind == Kind::get ? kReadAtATime : kAtATime);
  if (kind != Kind::create) out.prefix = text_in(asked, "prefix");
  if (kind == Kind::get) {
    out.destination = text_in(asked, "destinationDir");
    if (out.destination.empty() && !out.prefix.empty())
      throw Error(CLEAT_INVALID, "destinationDir is required when using prefix");
    if (out.prefix.empty() && !out.destination.empty())
      throw Error(CLEAT_INVALID,
                  "destinationDir: expected a prefix beside it; an item has a filePath of its own");
  }
  kind == Kind::remove ? read_names(asked, out) : read_items(asked, out);
  if (out.items.size() > kMostItems)
    throw Error(CLEAT_TOO_LARGE,
                "the data: expected at most 5000 blobs, found " + std::to_string(out.items.size()));
  return out;
}

}  // namespace cleat::blobstorage
