#include "bulk.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

#include "common/base64.hpp"
#include "common/json_text.hpp"
#include "common/json_value.hpp"
#include "upload.hpp"

namespace cleat::s3 {
namespace {

using common::JsonValue;

constexpr std::size_t kUsually = 10, kMostAtOnce = 100;

std::string text_of(const JsonValue& item, const char* name) {
  const JsonValue* const found = item.find(name);
  if (found == nullptr || found->kind == JsonValue::Kind::null) return {};
  if (found->kind != JsonValue::Kind::text)
    throw Error(CLEAT_INVALID, std::string(name) + ": expected a text");
  return found->text;
}

std::size_t concurrency_of(const JsonValue& asked) {
  const JsonValue* const found = asked.find("concurrency");
  if (found == nullptr || found->kind == JsonValue::Kind::null) return kUsually;
  std::int64_t number = 0;
  const char* const end = found->raw.data() + found->raw.size();
  const auto [at, error] = std::from_chars(found->raw.data(), end, number);
  if (error != std::errc() || at != end)
    throw Error(CLEAT_INVALID, "s3 binding error: concurrency: expected a whole number");
  if (number <= 0) {
    throw Error(CLEAT_INVALID,
                "s3 binding error: concurrency must be greater than 0, got " + std::to_string(number));
  }
  return std::min<std::size_t>(static_cast<std::size_t>(number), kMostAtOnce);
}

/// How often U+FFFD is there, which JSON gets for what is no UTF-8.
std::size_t replacements(std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::size_t count = 0;
  for (std::size_t at = text.find(kReplacement); at != std::string_view::npos;
       at = text.find(kReplacement, at + kReplacement.size()))
    ++count;
  return count;
}

void read_new(const JsonValue& item, NewObject& out) {
  add_type(out.headers, text_of(item, "contentType"));
  if (!out.file_path.empty()) return;
  const JsonValue* const data = item.find("data");
  if (data == nullptr) throw Error(CLEAT_INVALID, "expected data or filePath, found neither");
  out.owned = data->kind == JsonValue::Kind::text ? data->text : std::string(data->raw);
  if (out.decode) out.owned = decoded(*out.owned);
}

BulkRequest::Item item_of(const JsonValue& from, const S3Config& config, bool is_get, bool decode) {
  BulkRequest::Item out;
  try {
    out.object.key = text_of(from, "key");
    if (out.object.key.empty())
      throw Error(CLEAT_INVALID, "s3 binding error: required metadata 'key' missing");
    out.object.file_path = text_of(from, "filePath");
    out.object.decode = decode;
    if (!is_get) {
      if (!config.storage_class.empty())
        out.object.headers.push_back({"x-amz-storage-class", config.storage_class});
      read_new(from, out.object);
    }
  } catch (const Error& error) {
    out.error = error.what();
  }
  return out;
}

}  // namespace

BulkRequest bulk_request(const Request& request, const S3Config& config) {
  const std::string operation(request.operation());
  BulkRequest out;
  out.is_get = operation == "bulkGet";
  out.encode = is_on(request, "encodeBase64", config.encode_base64);
  JsonValue asked;
  try {
    asked = common::parse_json(request.data());
  } catch (const std::invalid_argument& error) {
    throw Error(CLEAT_INVALID, "s3 binding error: the data of " + operation + " is no JSON: " + error.what());
  }
  const JsonValue* const items = asked.find("items");
  if (items == nullptr || items->items.empty())
    throw Error(CLEAT_INVALID, "s3 binding error: " + operation + " requires at least one item");
  out.concurrency = concurrency_of(asked);
  const bool decode = is_on(request, "decodeBase64", config.decode_base64);
  for (const JsonValue& item : items->items)
    out.items.push_back(item_of(item, config, out.is_get, decode));
  return out;
}

Bulk::Bulk(Bucket& bucket, const common::FileWork& files, WorkPtr work, BulkRequest request, Done done)
    : bucket_(bucket),
      files_(files),
      work_(std::move(work)),
      request_(std::move(request)),
      done_(std::move(done)),
      results_(request_.items.size()) {}

void Bulk::begin() {
  next();
}

/// How many bytes the answer may still get.
std::uint64_t Bulk::left() const {
  const std::uint64_t most = bucket_.config().max_object_bytes;
  if (most == 0) return UINT64_MAX;
  return most > answer_bytes_ ? most - answer_bytes_ : 0;
}

void Bulk::next() {
  if (is_in_loop_) return;
  is_in_loop_ = true;
  while (next_ < request_.items.size() && out_ < request_.concurrency) {
    const std::size_t index = next_++;
    ++out_;
    if (!request_.items[index].error.empty()) {
      failed(index, request_.items[index].error);
    } else if (work_->is_cancelled) {
      failed(index, cancelled("S3").text);
    } else if (request_.is_get) {
      get(index, false);
    } else {
      create(index);
    }
  }
  is_in_loop_ = false;
  if (out_ == 0 && !large_.empty()) {
    const std::size_t index = large_.back();
    large_.pop_back();
    ++out_;
    return get(index, true);
  }
  if (ended_ < request_.items.size() || !done_) return;
  const Done done = std::exchange(done_, nullptr);
  if (work_->is_cancelled) {
    const aws::Failure failure = cancelled("S3");
    return done(nullptr, &failure);
  }
  std::string out = "[";
  for (std::size_t i = 0; i < results_.size(); ++i) {
    out += (i != 0 ? ",{\"key\":" : "{\"key\":") + common::json_string(request_.items[i].object.key);
    out += (results_[i].empty() ? "" : ",") + results_[i] + "}";
  }
  out += ']';
  done(&out, nullptr);
}

/// What is out at once has a share of what one object may have; what needs more comes last, with nothing beside it.
void Bulk::get(std::size_t index, bool is_alone) {
  const NewObject& object = request_.items[index].object;
  const std::uint64_t most = bucket_.config().max_object_bytes;
  const std::uint64_t left_now = object.file_path.empty() ? left() : most;
  if (most != 0 && left_now == 0) return failed(index, "the answer is as large as maxObjectSize allows");
  const std::uint64_t share =
      is_alone ? left_now : std::min(left_now, std::max<std::uint64_t>(most / request_.concurrency, 1));
  aws::ServiceRequest out = bucket_.request("S3 GetObject", "GET", object.key);
  out.max_response_bytes = most == 0 ? 0 : share;
  bucket_.send(work_, std::move(out),
               [self = shared_from_this(), index, is_last = is_alone || share == left_now](
                   common::HttpResponse* answer, const aws::Failure* failure) {
                 if (failure == nullptr) return self->got(index, *answer);
                 if (failure->status != CLEAT_TOO_LARGE || is_last || self->work_->is_cancelled)
                   return self->failed(index, in_words_of_get(*failure).text);
                 self->large_.push_back(index);
                 --self->out_;
                 self->next();
               });
}

void Bulk::got(std::size_t index, common::HttpResponse& answer) {
  if (!is_of_s3(answer)) return failed(index, in_words_of_get(unexpected("S3 GetObject")).text);
  const std::string& path = request_.items[index].object.file_path;
  std::string body = request_.encode ? common::base64(answer.body) : std::move(answer.body);
  if (!path.empty()) {
    return files_.run<bool>(
        [place = bucket_.config().files, path, body = std::move(body)] {
          common::write_file(place, path, body);
          return true;
        },
        [self = shared_from_this(), index](const bool*, const Error* error) {
          error != nullptr ? self->failed(index, error->what()) : self->ended(index, {});
        });
  }
  if (body.size() > left()) return failed(index, "the answer would be larger than maxObjectSize allows");
  const std::string text = common::json_string(body);
  if (!bucket_.config().strict_dapr && replacements(text) != replacements(body))
    return failed(index, "the object is no text: expected encodeBase64");
  answer_bytes_ += body.size();
  ended(index, "\"data\":" + text);
}

void Bulk::create(std::size_t index) {
  NewObject& object = request_.items[index].object;
  NewObject mine = std::exchange(object, NewObject());
  object.key = mine.key;
  const auto done = [self = shared_from_this(), index](const Stored* stored, const aws::Failure* failure) {
    if (failure != nullptr) return self->failed(index, failure->text);
    const std::string& key = self->request_.items[index].object.key;
    self->ended(
        index, "\"location\":" + common::json_string(location_of(self->bucket_.config(), key)) +
                   (stored->version.empty() ? "" : ",\"versionID\":" + common::json_string(stored->version)));
  };
  const auto upload = std::make_shared<Upload>(bucket_, files_, work_, std::move(mine), done);
  uploads_.push_back(upload);
  upload->begin();
}

void Bulk::give_up(const aws::Failure& failure) {
  if (!done_) return;
  const Done done = std::exchange(done_, nullptr);
  // Before the call is over: what is up by now is taken away.
  for (const auto& each : uploads_) {
    if (const auto upload = each.lock()) upload->give_up(failure);
  }
  done(nullptr, &failure);
}

void Bulk::failed(std::size_t index, const std::string& text) {
  ended(index, "\"error\":" + common::json_string(text));
}

void Bulk::ended(std::size_t index, std::string result) {
  if (!done_) return;
  results_[index] = std::move(result);
  --out_;
  ++ended_;
  next();
}

}  // namespace cleat::s3
