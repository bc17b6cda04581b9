#include "bulk.hpp"

#include <algorithm>
#include <utility>

#include "blob_request.hpp"
#include "common/base64.hpp"
#include "common/json_text.hpp"
#include "common/url.hpp"
#include "common/xml.hpp"
#include "upload.hpp"

namespace cleat::blobstorage {

Bulk::Bulk(const Component& component, WorkPtr work, BulkRequest request)
    : component_(component),
      work_(std::move(work)),
      request_(std::move(request)),
      call_(Host(nullptr), nullptr) {}

void Bulk::begin(Call&& call) {
  call_ = std::move(call);
  if (request_.has_files()) {
    component_.file_calls.add(
        work_, [self = shared_from_this()](const azure::Failure& failure) { self->fail(failure); });
  }
  request_.prefix.empty() ? run() : list("");
}

/// All of them, or none: who deletes half of a prefix does not know what is left. A page may be short though there are more.
void Bulk::list(const std::string& marker) {
  azure::ServiceRequest out;
  out.what = "List Blobs";
  out.query = {{"restype", "container"},
               {"comp", "list"},
               {"maxresults", std::to_string(kMostItems)},
               {"prefix", request_.prefix}};
  if (!marker.empty()) out.query.emplace_back("marker", marker);
  out.may_run_twice = true;
  out.tag = work_->id;
  out.deadline_ns = work_->deadline_ns;
  component_.container.ask(std::move(out), [self = shared_from_this()](common::HttpResponse* answer,
                                                                       const azure::Failure* failure) {
    failure != nullptr ? self->fail(*failure) : self->listed(answer->body);
  });
}

void Bulk::listed(std::string_view answer) {
  if (work_->is_over) return;
  const auto listing = common::parse_xml(answer);
  const common::XmlNode* const blobs = listing ? listing->find("Blobs") : nullptr;
  azure::Failure failure;
  if (blobs == nullptr) {
    failure.text = "the answer to List Blobs is not what was expected";
    return fail(failure);
  }
  for (const common::XmlNode& blob : blobs->children) {
    std::string name = blob.name == "Blob" ? blob.text_of("Name") : std::string();
    if (name.empty()) continue;
    Item& item = request_.items.emplace_back();
    if (request_.kind == Kind::get) item.file = {request_.destination, name};
    item.name = std::move(name);
  }
  if (request_.items.size() > kMostItems) {
    failure.status = CLEAT_TOO_LARGE;
    failure.text = "prefix: expected one that at most 5000 blobs have, found more; nothing was done";
    return fail(failure);
  }
  const std::string next = listing->text_of("NextMarker");
  next.empty() ? run() : list(next);
}

void Bulk::run() {
  // What fails at once comes back here from inside a request.
  if (std::exchange(is_running_, true)) return;
  while (!work_->is_over && out_ < request_.at_a_time && next_ < request_.items.size())
    ask(next_++);
  while (!work_->is_over && out_ == 0 && next_ == request_.items.size() && !large_.empty()) {
    const std::size_t index = large_.front();
    large_.pop_front();
    get(index, true);
  }
  is_running_ = false;
  if (!work_->is_over && out_ == 0 && next_ == request_.items.size() && large_.empty()) complete();
}

void Bulk::ask(std::size_t index) {
  Item& item = request_.items[index];
  if (item.name.empty()) item.error = "blobName is a required attribute";
  if (!item.error.empty()) return;
  switch (request_.kind) {
    case Kind::get:
      return item.file.path.empty() ? get(index, false) : download(index);
    case Kind::create:
      return item.source.empty() ? create(index) : upload(index);
    case Kind::remove:
      return remove(index);
  }
}

azure::ServiceRequest Bulk::request(std::size_t index, const char* what, const char* method) const {
  azure::ServiceRequest out;
  out.what = what;
  out.method = method;
  out.path = "/" + common::encoded_path(request_.items[index].name, true);
  out.may_run_twice = true;
  out.tag = work_->id;
  out.deadline_ns = work_->deadline_ns;
  return out;
}

void Bulk::send(std::size_t index, azure::ServiceRequest request) {
  ++out_;
  component_.container.ask(std::move(request), [self = shared_from_this(), index](
                                                   common::HttpResponse*, const azure::Failure* failure) {
    self->answered(index, failure);
  });
}

/// What is there and what is on its way hold maxBlobSize together. So what is asked for at once has a share of it, and what
/// needs more comes last, with nothing beside it.
void Bulk::get(std::size_t index, bool is_alone) {
  const std::uint64_t most = component_.config.max_blob_bytes;
  const std::uint64_t share = std::max<std::uint64_t>(most / request_.at_a_time, 1);
  const std::uint64_t mine = most == 0 ? 0 : is_alone ? left() : std::min(share, left());
  if (most != 0 && mine == 0) {
    if (!is_alone) return large_.push_back(index);
    request_.items[index].error = "the blobs before hold maxBlobSize bytes: expected a call of its own";
    return;
  }
  azure::ServiceRequest out = request(index, "Get Blob", "GET");
  out.wants_sign = true;
  out.max_response_bytes = mine;
  reserved_ += mine;
  ++out_;
  component_.container.ask(std::move(out), [self = shared_from_this(), index, mine, is_alone](
                                               common::HttpResponse* answer, const azure::Failure* failure) {
    self->got(index, mine, is_alone, answer, failure);
  });
}

void Bulk::got(std::size_t index, std::uint64_t reserved, bool is_alone, common::HttpResponse* answer,
               const azure::Failure* failure) {
  reserved_ -= reserved;
  if (failure == nullptr) {
    read_bytes_ += answer->body.size();
    request_.items[index].data = std::move(answer->body);
  } else if (failure->status == CLEAT_TOO_LARGE && !is_alone) {
    large_.push_back(index);
    --out_;
    return run();
  }
  answered(index, failure);
}

/// Of a blob on its way from or to a file.
std::uint64_t Bulk::part_bytes() const {
  constexpr std::uint64_t kLeast = 64U << 10U;
  const BlobConfig& config = component_.config;
  if (config.max_blob_bytes == 0) return config.block_bytes;
  return std::clamp(config.max_blob_bytes / request_.at_a_time, kLeast, config.block_bytes);
}

void Bulk::download(std::size_t index) {
  const Item& item = request_.items[index];
  ++out_;
  const auto download = std::make_shared<Download>(component_.container, component_.files, component_.config,
                                                   work_, part_bytes());
  download->begin(item.name, item.file,
                  [self = shared_from_this(), index](common::HttpResponse*, const azure::Failure* failure) {
                    self->answered(index, failure);
                  });
}

void Bulk::create(std::size_t index) {
  Item& item = request_.items[index];
  azure::ServiceRequest out = request(index, "Put Blob", "PUT");
  out.done_status = 201;
  out.headers = {{"x-ms-blob-type", "BlockBlob"}};
  if (!item.type.empty()) out.headers.push_back({"x-ms-blob-content-type", item.type});
  if (component_.config.decode_base64) {
    auto decoded = common::from_base64(item.data);
    if (!decoded) {
      item.error = "the data is not base64, which decodeBase64 asks for";
      return;
    }
    item.data = std::move(*decoded);
  }
  out.borrowed_body = item.data;
  send(index, std::move(out));
}

void Bulk::upload(std::size_t index) {
  const Item& item = request_.items[index];
  ++out_;
  const auto upload = std::make_shared<Upload>(component_.container, component_.files, work_, part_bytes());
  upload->blob().name = item.name;
  if (!item.type.empty()) upload->blob().headers.push_back({"x-ms-blob-content-type", item.type});
  upload->begin(component_.config.files, item.source,
                [self = shared_from_this(), index](common::HttpResponse*, const azure::Failure* failure) {
                  self->answered(index, failure);
                });
}

void Bulk::remove(std::size_t index) {
  azure::ServiceRequest out = request(index, "Delete Blob", "DELETE");
  out.done_status = 202;
  if (!request_.snapshots.empty()) out.headers = {{"x-ms-delete-snapshots", request_.snapshots}};
  send(index, std::move(out));
}

void Bulk::answered(std::size_t index, const azure::Failure* failure) {
  --out_;
  if (work_->is_over) return;
  if (failure != nullptr) {
    // Of those two nobody waits for the rest.
    if (failure->status == CLEAT_CANCELLED || failure->status == CLEAT_TIMEOUT) return fail(*failure);
    request_.items[index].error = in_words_of_dapr(*failure).text;
  }
  run();
}

void Bulk::over() {
  work_->is_over = true;
  component_.file_calls.remove(work_);
}

void Bulk::fail(const azure::Failure& failure) {
  if (work_->is_over) return;
  over();
  azure::Failure ended = failure;
  if (next_ > 0)
    ended.text += "; some of the " + std::to_string(request_.items.size()) + " blobs may be done";
  common::fail(call_, ended);
}

std::string Bulk::answer() const {
  std::string out = "[";
  for (const Item& item : request_.items) {
    if (out.size() > 1) out += ',';
    out += "{\"blobName\":" + common::json_string(item.name);
    if (!item.error.empty()) {
      out += ",\"error\":" + common::json_string(item.error);
    } else if (!item.file.path.empty()) {
      out += ",\"filePath\":" + common::json_string(item.file.text());
    } else if (request_.kind == Kind::get) {
      out += ",\"data\":\"" + common::base64(item.data) + "\"";
    } else if (request_.kind == Kind::create) {
      out += ",\"blobURL\":" +
             common::json_string(component_.config.account.url + path_of(component_.config, item.name));
    }
    out += '}';
  }
  return out + "]";
}

void Bulk::complete() {
  over();
  call_.complete(
      {Buffer::of(answer()), "application/json", {{"number", std::to_string(request_.items.size())}}});
}

}  // namespace cleat::blobstorage
