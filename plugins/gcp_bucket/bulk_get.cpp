#include "bulk_get.hpp"

#include <numeric>
#include <utility>

#include "common/base64.hpp"
#include "common/json_text.hpp"

namespace cleat::bucket {
namespace {

constexpr std::size_t kMostAtATime = 8;

}  // namespace

BulkGet::BulkGet(Storage& storage, const Request& request)
    : storage_(storage),
      base_(request_of(request, "storage.objects.list", "GET",
                       objects_url(storage.config(), storage.config().bucket))),
      // Dapr encodes what JSON encodes anyway.
      is_encoded_twice_(storage.config().strict_dapr &&
                        flag_of(request, "encodeBase64", storage.config().encode_base64)),
      call_(Host(nullptr), nullptr) {
  // Dapr looks at no data at all, whatever it is, and reads the whole bucket.
  if (storage.config().strict_dapr)
    query_.most = kMostListed;
  else
    query_ = list_query_of(request, "bulkGet");
}

void BulkGet::begin(Call&& call) {
  call_ = std::move(call);
  std::make_shared<Listing>(storage_, base_, query_,
                            [self = shared_from_this()](std::vector<Listed>* found, const std::string& next,
                                                        const google::Failure* failure) {
                              if (failure != nullptr) return self->fail(*failure);
                              self->listed(*found, next);
                            })
      ->begin();
}

bool BulkGet::is_too_large(std::uint64_t bytes) const {
  const std::uint64_t bound = storage_.config().max_object_bytes;
  return bound != 0 && bytes > bound;
}

google::Failure BulkGet::too_large(std::uint64_t bound) {
  return {CLEAT_TOO_LARGE,
          false,
          0,
          0,
          {},
          kErrorPrefix + ("the objects have more than maxObjectSize, " + std::to_string(bound) +
                          " bytes, in all: ask for fewer by prefix or maxResults")};
}

void BulkGet::listed(std::vector<Listed>& found, const std::string& next) {
  found_ = std::move(found);
  next_ = next;
  const auto bytes = std::accumulate(found_.begin(), found_.end(), std::uint64_t{0},
                                     [](std::uint64_t sum, const Listed& each) { return sum + each.size; });
  if (is_too_large(bytes)) return fail(too_large(storage_.config().max_object_bytes));
  if (storage_.config().strict_dapr && !next.empty()) {
    return fail({CLEAT_TOO_LARGE,
                 false,
                 0,
                 0,
                 {},
                 kErrorPrefix + ("the bucket has more than " + std::to_string(kMostListed) + " objects")});
  }
  entries_.resize(found_.size());
  ask_more();
}

void BulkGet::ask_more() {
  while (call_ && out_ < kMostAtATime && asked_ < found_.size()) {
    const std::size_t at = asked_++;
    if (found_[at].name.empty()) continue;
    google::ServiceRequest out = base_;
    out.what = "storage.objects.get";
    out.url = object_url(storage_.config(), storage_.config().bucket, found_[at].name);
    out.query = {{"alt", "media"}};
    out.passes = 404;
    out.max_response_bytes = storage_.config().max_object_bytes;
    ++out_;
    storage_.ask(std::move(out), [self = shared_from_this(), at](common::HttpResponse* answer,
                                                                 const google::Failure* failure) {
      self->got(at, answer, failure);
    });
  }
  if (call_ && out_ == 0 && asked_ == found_.size()) complete();
}

void BulkGet::got(std::size_t at, common::HttpResponse* answer, const google::Failure* failure) {
  --out_;
  if (!call_) return;
  if (failure != nullptr) return fail(*failure);
  // Deleted since it was listed: the bucket has it no more.
  if (answer->status != 404) {
    if (!has_read(*answer)) return fail(unexpected("storage.objects.get"));
    bytes_ += answer->body.size();
    if (is_too_large(bytes_)) return fail(too_large(storage_.config().max_object_bytes));
    std::string data = common::base64(answer->body);
    if (is_encoded_twice_) data = common::base64(data);
    entries_[at] = "{\"name\":" + common::json_string(found_[at].name) + ",\"data\":\"" + data +
                   "\",\"attrs\":" + found_[at].attributes + "}";
  }
  ask_more();
}

void BulkGet::fail(const google::Failure& failure) {
  const std::uint64_t tag = base_.tag;
  Call mine = std::move(call_);
  common::fail(mine, failure);
  if (out_ != 0) storage_.cancel(tag);
}

void BulkGet::complete() {
  std::string out = "[";
  for (std::string& entry : entries_) {
    if (entry.empty()) continue;
    if (out.size() > 1) out += ',';
    out += entry;
    entry = {};
  }
  out += ']';
  Response response{Buffer::of(std::move(out)), "application/json", {}};
  if (!next_.empty()) response.metadata.emplace_back("nextPageToken", next_);
  Call mine = std::move(call_);
  mine.complete(std::move(response));
}

}  // namespace cleat::bucket
