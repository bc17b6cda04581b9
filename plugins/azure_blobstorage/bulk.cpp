#include "bulk.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "blob_request.hpp"
#include "common/base64.hpp"
#include "common/json_text.hpp"
#include "common/json_value.hpp"
#include "common/text.hpp"
#include "common/url.hpp"
#include "common/xml.hpp"

namespace cleat::blobstorage {
namespace {

using common::JsonValue;

constexpr std::size_t kMostItems = 5000;
constexpr std::size_t kMostAtATime = 32;
/// Of what is read each may have maxBlobSize.
constexpr std::size_t kReadAtATime = 4, kAtATime = 10;

/// As Dapr's, its fields are found in any case.
const JsonValue* find(const JsonValue& in, std::string_view name) {
  for (const auto& [key, value] : in.members) {
    if (common::equal_ignoring_case(key, name) && value.kind != JsonValue::Kind::null) return &value;
  }
  return nullptr;
}

std::string text_of(const JsonValue& value, const char* what) {
  if (value.kind != JsonValue::Kind::text)
    throw Error(CLEAT_INVALID, std::string("the data: ") + what + ": expected a text");
  return value.text;
}

std::string text_in(const JsonValue& in, const char* name) {
  const JsonValue* const found = find(in, name);
  return found != nullptr ? text_of(*found, name) : std::string();
}

const std::vector<JsonValue>* list_in(const JsonValue& in, const char* name) {
  const JsonValue* const found = find(in, name);
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
  const JsonValue* const found = find(in, "concurrency");
  if (found == nullptr) return otherwise;
  std::int64_t wanted = 0;
  const char* const end = found->raw.data() + found->raw.size();
  const auto [read, error] = std::from_chars(found->raw.data(), end, wanted);
  if (error != std::errc() || read != end || wanted <= 0)
    throw Error(CLEAT_INVALID, "concurrency must be greater than 0");
  return std::min(static_cast<std::size_t>(wanted), kMostAtATime);
}

void refuse_files(const JsonValue& in) {
  for (const char* name : {"filePath", "sourcePath", "destinationDir"}) {
    if (find(in, name) != nullptr) {
      throw Error(CLEAT_UNSUPPORTED,
                  std::string("the data: ") + name +
                      ": files are neither read nor written here: expected data in the call");
    }
  }
}

}  // namespace

Bulk::Bulk(azure::Place& container, const BlobConfig& config, const Request& request, Kind kind)
    : container_(container),
      config_(config),
      kind_(kind),
      tag_(request.id()),
      deadline_ns_(request.deadline().at_ns),
      at_a_time_(kAtATime),
      call_(Host(nullptr), nullptr) {
  read_items(request);
  if (items_.size() > kMostItems)
    throw Error(CLEAT_TOO_LARGE,
                "the data: expected at most 5000 blobs, found " + std::to_string(items_.size()));
}

void Bulk::read_items(const Request& request) {
  const JsonValue asked = asked_of(request.data());
  at_a_time_ = at_a_time_of(asked, kind_ == Kind::get ? kReadAtATime : kAtATime);
  refuse_files(asked);
  prefix_ = text_in(asked, "prefix");
  if (kind_ == Kind::remove) {
    snapshots_ = delete_snapshots(text_in(asked, "deleteSnapshots"));
    const auto* const names = list_in(asked, "blobNames");
    if ((names == nullptr || names->empty()) && prefix_.empty())
      throw Error(CLEAT_INVALID, "at least one of prefix or blobNames is required");
    if (names == nullptr) return;
    for (const JsonValue& each : *names)
      items_.push_back({text_of(each, "blobNames"), {}, {}, {}});
    return;
  }
  const auto* const items = list_in(asked, "items");
  if (!prefix_.empty()) throw Error(CLEAT_UNSUPPORTED, "destinationDir is required when using prefix");
  if (items == nullptr && kind_ == Kind::get)
    throw Error(CLEAT_INVALID, "at least one of items or prefix is required");
  if (items == nullptr || items->empty()) throw Error(CLEAT_INVALID, "items array must not be empty");
  for (const JsonValue& each : *items) {
    refuse_files(each);
    Item item{text_in(each, "blobName"), text_in(each, "contentType"), {}, {}};
    if (kind_ == Kind::create) item.data = text_in(each, "data");
    items_.push_back(std::move(item));
  }
}

void Bulk::begin(Call&& call) {
  call_ = std::move(call);
  prefix_.empty() ? run() : list();
}

/// All of them in one page, or none: who deletes half of a prefix does not know what is left.
void Bulk::list() {
  azure::ServiceRequest out;
  out.what = "List Blobs";
  out.query = {{"restype", "container"},
               {"comp", "list"},
               {"maxresults", std::to_string(kMostItems)},
               {"prefix", prefix_}};
  out.may_run_twice = true;
  out.tag = tag_;
  out.deadline_ns = deadline_ns_;
  container_.ask(std::move(out),
                 [self = shared_from_this()](common::HttpResponse* answer, const azure::Failure* failure) {
                   failure != nullptr ? self->fail(*failure) : self->listed(answer->body);
                 });
}

void Bulk::listed(std::string_view answer) {
  const auto listing = common::parse_xml(answer);
  const common::XmlNode* const blobs = listing ? listing->find("Blobs") : nullptr;
  azure::Failure failure;
  if (blobs == nullptr) {
    failure.text = "the answer to List Blobs is not what was expected";
    return fail(failure);
  }
  for (const common::XmlNode& blob : blobs->children) {
    std::string name = blob.name == "Blob" ? blob.text_of("Name") : std::string();
    if (!name.empty()) items_.push_back({std::move(name), {}, {}, {}});
  }
  if (!listing->text_of("NextMarker").empty() || items_.size() > kMostItems) {
    failure.status = CLEAT_TOO_LARGE;
    failure.text = "prefix: expected one that at most 5000 blobs have, found more; none was deleted";
    return fail(failure);
  }
  run();
}

void Bulk::run() {
  // What fails at once comes back here from inside a request.
  if (std::exchange(is_running_, true)) return;
  while (!is_over_ && out_ < at_a_time_ && next_ < items_.size())
    ask(next_++);
  is_running_ = false;
  if (!is_over_ && out_ == 0 && next_ == items_.size()) complete();
}

void Bulk::ask(std::size_t index) {
  Item& item = items_[index];
  azure::ServiceRequest out;
  out.path = "/" + common::encoded_path(item.name, true);
  out.may_run_twice = true;
  out.tag = tag_;
  out.deadline_ns = deadline_ns_;
  if (item.name.empty()) {
    item.error = "blobName is a required attribute";
    return;
  }
  switch (kind_) {
    case Kind::get:
      if (config_.max_blob_bytes != 0 && read_bytes_ >= config_.max_blob_bytes) {
        item.error = "the blobs before hold maxBlobSize bytes: expected a call of its own";
        return;
      }
      out.what = "Get Blob";
      out.max_response_bytes = config_.max_blob_bytes;
      break;
    case Kind::create:
      out.what = "Put Blob";
      out.method = "PUT";
      out.done_status = 201;
      out.headers = {{"x-ms-blob-type", "BlockBlob"}};
      if (!item.type.empty()) out.headers.push_back({"x-ms-blob-content-type", item.type});
      if (config_.decode_base64) {
        auto decoded = common::from_base64(item.data);
        if (!decoded) {
          item.error = "the data is not base64, which decodeBase64 asks for";
          return;
        }
        item.data = std::move(*decoded);
      }
      out.borrowed_body = item.data;
      break;
    case Kind::remove:
      out.what = "Delete Blob";
      out.method = "DELETE";
      out.done_status = 202;
      if (!snapshots_.empty()) out.headers = {{"x-ms-delete-snapshots", snapshots_}};
      break;
  }
  ++out_;
  container_.ask(std::move(out), [self = shared_from_this(), index](common::HttpResponse* answer,
                                                                    const azure::Failure* failure) {
    self->answered(index, answer, failure);
  });
}

void Bulk::answered(std::size_t index, common::HttpResponse* answer, const azure::Failure* failure) {
  --out_;
  if (is_over_) return;
  Item& item = items_[index];
  if (failure != nullptr) {
    // Of those two nobody waits for the rest.
    if (failure->status == CLEAT_CANCELLED || failure->status == CLEAT_TIMEOUT) {
      azure::Failure ended = *failure;
      ended.text += "; some of the " + std::to_string(items_.size()) + " blobs may be done";
      return fail(ended);
    }
    item.error = in_words_of_dapr(*failure).text;
  } else if (kind_ == Kind::get) {
    read_bytes_ += answer->body.size();
    if (config_.max_blob_bytes != 0 && read_bytes_ > config_.max_blob_bytes) {
      read_bytes_ -= answer->body.size();
      item.error = "the blobs of this call hold more than maxBlobSize bytes: expected a call of its own";
    } else {
      item.data = std::move(answer->body);
    }
  }
  run();
}

void Bulk::fail(const azure::Failure& failure) {
  is_over_ = true;
  common::fail(call_, failure);
}

std::string Bulk::answer() const {
  std::string out = "[";
  for (const Item& item : items_) {
    if (out.size() > 1) out += ',';
    out += "{\"blobName\":" + common::json_string(item.name);
    if (!item.error.empty()) {
      out += ",\"error\":" + common::json_string(item.error);
    } else if (kind_ == Kind::get) {
      out += ",\"data\":\"" + common::base64(item.data) + "\"";
    } else if (kind_ == Kind::create) {
      out += ",\"blobURL\":" + common::json_string(config_.account.url + path_of(config_, item.name));
    }
    out += '}';
  }
  return out + "]";
}

void Bulk::complete() {
  is_over_ = true;
  call_.complete({Buffer::of(answer()), "application/json", {{"number", std::to_string(items_.size())}}});
}

}  // namespace cleat::blobstorage
