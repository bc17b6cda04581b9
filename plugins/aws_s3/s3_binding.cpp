#include "s3_binding.hpp"

#include <string_view>
#include <utility>

#include "bulk.hpp"
#include "common/base64.hpp"
#include "common/curl/answer.hpp"
#include "common/deadlines.hpp"
#include "common/json_text.hpp"
#include "common/on_loop.hpp"
#include "deletion.hpp"
#include "listing.hpp"
#include "object.hpp"
#include "upload.hpp"

namespace cleat::s3 {
namespace {

constexpr const char* kJson = "application/json";

Response url_answer(const std::string& url) {
  return {Buffer::of("{\"presignURL\":" + common::json_string(url) + "}"), kJson, {}};
}

/// What is wrong with one object says nothing of the bucket.
common::FarEnd::Says judge(const common::ServiceFailure& failure) {
  if (failure.status == CLEAT_THROTTLED) return common::FarEnd::Says::is_slow;
  const bool is_of_the_bucket =
      failure.code == "NoSuchBucket" || failure.code == "AuthorizationHeaderMalformed" ||
      failure.status == CLEAT_UNAUTHENTICATED || failure.status == CLEAT_UNAVAILABLE ||
      failure.status == CLEAT_TIMEOUT || failure.http_status / 100 == 3;
  return is_of_the_bucket ? common::FarEnd::Says::is_wrong : common::FarEnd::Says::nothing;
}

}  // namespace

void S3Binding::init(const Config& config) {
  config_ = parse_config(config);
}

void S3Binding::start(Deadline /*deadline*/) {
  common::CurlLoop::Options options;
  options.ca = config_.settings.ca;
  options.skip_verify = config_.skip_verify;
  curl_.emplace(std::move(options));
  files_.emplace(host_, curl_->loop());
  const auto look = [this](std::uint64_t deadline_ns, const common::FarEnd::Answer& answer) {
    bucket_->look(deadline_ns, answer);
  };
  const auto tell = [this](std::int32_t health, const std::string& why) { health_.tell(health, why); };
  far_end_.emplace(curl_->loop(), common::FarEnd::Ways{look, judge, tell});
  bucket_.emplace(
      host_, *curl_, config_, [this](const aws::Failure* failure) { far_end_->note(failure); },
      [this] { look_whether_drained(); });
  curl_->start();
}

void S3Binding::invoke(const Request& request, Call&& call) {
  const std::string_view operation = request.operation();
  if (operation == "create") return create(request, std::move(call));
  if (operation == "get") return get(request, std::move(call));
  if (operation == "delete") return remove(request, std::move(call));
  if (operation == "list") return list(request, std::move(call));
  if (operation == "presign") return presign(request, std::move(call));
  if (operation == "bulkGet" || operation == "bulkCreate" || operation == "bulkDelete")
    return bulk(request, std::move(call));
  throw Error(CLEAT_UNSUPPORTED, "s3 binding error: unsupported operation " + std::string(operation));
}

void S3Binding::run(const Request& request, Call&& call, Begin begin) {
  const auto work = std::make_shared<Work>(std::move(call), request);
  const bool is_taken = curl_->loop().post([this, work, begin = std::move(begin)] {
    running_[work->id] = work;
    begin(work);
  });
  if (!is_taken) work->call.fail(CLEAT_CANCELLED, "the component has stopped", CLEAT_RETRYABLE);
}

void S3Binding::create(const Request& request, Call&& call) {
  const auto object = std::make_shared<NewObject>(new_object(request, config_));
  const auto how_long = presign_ttl(request, config_);
  run(request, std::move(call), [this, object, how_long](const WorkPtr& work) {
    const bool is_of_file = !object->file_path.empty();
    const std::string key = object->key;
    const auto upload = std::make_shared<Upload>(
        *bucket_, *files_, work, std::move(*object),
        [this, work, key, how_long](const Stored* stored, const aws::Failure* failure) {
          if (failure != nullptr) return fail(work, *failure, "s3 binding error: uploading failed: ");
          created(work, key, how_long, *stored);
        });
    if (is_of_file) {
      watch(work, [upload](const aws::Failure& failure) { upload->give_up(failure); });
    }
    upload->begin();
  });
}

/// A file may keep one waiting for ever.
void S3Binding::watch(const WorkPtr& work, std::function<void(const aws::Failure&)> give_up_now) {
  work->give_up = std::move(give_up_now);
  work->timer = curl_->loop().at(Deadline{work->deadline_ns}.time(), [this, work] {
    work->timer = 0;
    aws::Failure late;
    late.status = CLEAT_TIMEOUT;
    late.is_retryable = true;
    late.text = "S3: not all was done within the time of the call";
    give_up(work, late);
  });
}

void S3Binding::created(const WorkPtr& work, const std::string& key,
                        std::optional<std::chrono::seconds> how_long, const Stored& stored) {
  const auto answer = [this, work, key, stored](const std::string* url) {
    std::string body = "{\"location\":" + common::json_string(location_of(config_, key)) + ",\"versionID\":" +
                       (stored.version.empty() ? "null" : common::json_string(stored.version));
    if (url != nullptr) body += ",\"presignURL\":" + common::json_string(*url);
    body += "}";
    complete(work, {Buffer::of(std::move(body)), kJson, {{"key", key}, {"ETag", stored.etag}}});
  };
  if (!how_long) return answer(nullptr);
  bucket_->presign(work, key, *how_long,
                   [this, work, answer](const std::string* url, const aws::Failure* failure) {
                     if (failure != nullptr)
                       return fail(work, *failure, "s3 binding error: presigning failed: ");
                     answer(url);
                   });
}

void S3Binding::get(const Request& request, Call&& call) {
  const bool encode = is_on(request, "encodeBase64", config_.encode_base64);
  run(request, std::move(call), [this, key = key_of(request), encode](const WorkPtr& work) {
    aws::ServiceRequest out = bucket_->request("S3 GetObject", "GET", key);
    out.max_response_bytes = config_.max_object_bytes;
    bucket_->send(work, std::move(out),
                  [this, work, encode](common::HttpResponse* answer, const aws::Failure* failure) {
                    if (failure != nullptr) return fail(work, in_words_of_get(*failure));
                    if (!is_of_s3(*answer)) return fail(work, in_words_of_get(unexpected("S3 GetObject")));
                    Response response;
                    response.metadata.emplace_back("ETag", common::header_of(*answer, "etag"));
                    if (encode) {
                      response.data = Buffer::of(common::base64(answer->body));
                    } else {
                      response.content_type = common::header_of(*answer, "content-type");
                      response.data = Buffer::of(std::move(answer->body));
                    }
                    complete(work, std::move(response));
                  });
  });
}

void S3Binding::remove(const Request& request, Call&& call) {
  run(request, std::move(call), [this, key = key_of(request)](const WorkPtr& work) {
    bucket_->send(work, bucket_->request("S3 DeleteObject", "DELETE", key),
                  [this, work](const common::HttpResponse* answer, const aws::Failure* failure) {
                    constexpr const char* kBefore = "s3 binding error: delete operation failed: ";
                    if (failure != nullptr) return fail(work, *failure, kBefore);
                    if (answer->status != 204 && !is_of_s3(*answer))
                      return fail(work, unexpected("S3 DeleteObject"), kBefore);
                    complete(work, {});
                  });
  });
}

void S3Binding::list(const Request& request, Call&& call) {
  run(request, std::move(call), [this, query = list_query(request.data())](const WorkPtr& work) {
    bucket_->send(work, bucket_->request("S3 ListObjects", "GET", {}, query),
                  [this, work](common::HttpResponse* answer, const aws::Failure* failure) {
                    if (failure != nullptr)
                      return fail(work, *failure, "s3 binding error: list operation failed: ");
                    try {
                      complete(work, answer_of_list(answer->body));
                    } catch (const Error& error) {
                      fail(work, failure_of(error));
                    }
                  });
  });
}

void S3Binding::presign(const Request& request, Call&& call) {
  const std::string key = key_of(request);
  const auto how_long = presign_ttl(request, config_);
  if (!how_long) throw Error(CLEAT_INVALID, "s3 binding error: required metadata 'presignTTL' missing");
  run(request, std::move(call), [this, key, how_long](const WorkPtr& work) {
    bucket_->presign(work, key, *how_long, [this, work](const std::string* url, const aws::Failure* failure) {
      if (failure != nullptr) return fail(work, *failure);
      complete(work, url_answer(*url));
    });
  });
}

void S3Binding::bulk(const Request& request, Call&& call) {
  const auto done = [this](const WorkPtr& work) {
    return [this, work](const std::string* results, const aws::Failure* failure) {
      if (failure != nullptr) return fail(work, *failure);
      complete(work, {Buffer::of(*results), kJson, {}});
    };
  };
  if (request.operation() == "bulkDelete") {
    run(request, std::move(call), [this, keys = keys_to_delete(request.data()), done](const WorkPtr& work) {
      std::make_shared<Deletion>(*bucket_, work, keys, done(work))->begin();
    });
    return;
  }
  const auto bulk = std::make_shared<BulkRequest>(bulk_request(request, config_));
  run(request, std::move(call), [this, bulk, done](const WorkPtr& work) {
    const auto running = std::make_shared<Bulk>(*bucket_, *files_, work, std::move(*bulk), done(work));
    watch(work, [running](const aws::Failure& failure) { running->give_up(failure); });
    running->begin();
  });
}

void S3Binding::cancel(std::uint64_t call_id) {
  curl_->loop().post([this, call_id] {
    const auto found = running_.find(call_id);
    if (found != running_.end()) give_up(WorkPtr(found->second), cancelled("S3"));
  });
}

void S3Binding::give_up(const WorkPtr& work, const aws::Failure& failure) {
  work->is_cancelled = true;
  for (const std::uint64_t tag : work->tags)
    bucket_->cancel(tag);
  if (work->give_up) std::function<void(const aws::Failure&)>(work->give_up)(failure);
}

void S3Binding::complete(const WorkPtr& work, Response response) {
  if (work->call) work->call.complete(std::move(response));
  end(work);
}

void S3Binding::fail(const WorkPtr& work, const aws::Failure& failure, const char* before) {
  aws::Failure out = failure;
  out.text.insert(0, before);
  if (work->call) common::fail(work->call, out);
  end(work);
}

void S3Binding::end(const WorkPtr& work) {
  if (work->timer != 0) curl_->loop().cancel(std::exchange(work->timer, 0));
  work->give_up = nullptr;
  running_.erase(work->id);
  look_whether_drained();
}

void S3Binding::look_whether_drained() {
  if (drained_ && running_.empty() && bucket_->is_clear()) std::exchange(drained_, nullptr)();
}

void S3Binding::ping(Deadline deadline) {
  const auto ask = [this, at_ns = deadline.at_ns](const common::Answer& answer) {
    bucket_->look(at_ns, [this, answer](const common::ServiceFailure* failure) {
      far_end_->note(failure);
      answer(common::trouble_of(failure));
    });
  };
  common::ask_and_wait(curl_->loop(), deadline, "S3 did not answer in time", ask);
}

/// Parts that are up are taken away before the connections end.
void S3Binding::stop(Deadline deadline) {
  common::run_and_wait(curl_->loop(), common::for_settling(deadline),
                       [this](const std::function<void()>& done) {
                         drained_ = done;
                         const auto all = running_;
                         for (const auto& [id, work] : all)
                           give_up(work, cancelled("S3"));
                         look_whether_drained();
                       });
  common::run_and_wait(curl_->loop(), deadline, [this] {
    drained_ = nullptr;
    far_end_->close();
    bucket_->close();
  });
  curl_->stop();
}

}  // namespace cleat::s3
