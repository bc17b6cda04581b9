#include "bucket.hpp"

#include <algorithm>

#include "common/curl/answer.hpp"
#include "common/deadlines.hpp"
#include "common/url.hpp"

namespace cleat::s3 {
namespace {

constexpr std::size_t kLongestHostId = 120;
constexpr std::chrono::seconds kAbortWithin{10};

std::string region_of(const common::HttpResponse& answer) {
  std::string region = common::header_of(answer, "x-amz-bucket-region");
  if (region.empty()) region = aws::xml_text(answer.body, "Region");
  const bool is_plain = region.size() < 40 && std::all_of(region.begin(), region.end(), [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                        });
  return is_plain ? region : std::string();
}

}  // namespace

Bucket::Bucket(Host host, common::CurlLoop& curl, const S3Config& config, Note note,
               std::function<void()> cleared)
    : host_(host),
      curl_(curl),
      config_(config),
      note_(std::move(note)),
      cleared_(std::move(cleared)),
      client_(curl, config.settings, "s3", true) {}

aws::ServiceRequest Bucket::request(const char* what, const char* method, std::string_view key,
                                    const Query& query) const {
  aws::ServiceRequest out;
  out.what = what;
  out.method = method;
  out.host = config_.host;
  // A bucket's own address ends with a slash only where there is nothing else.
  out.path =
      key.empty() && !config_.base.empty() && config_.host.empty() ? config_.base : path_of(config_, key);
  char next = '?';
  for (const auto& [name, value] : query) {
    out.path += next + common::url_encoded(name) + "=" + common::url_encoded(value);
    next = '&';
  }
  out.has_body = out.method == "PUT" || out.method == "POST";
  out.may_run_twice = true;
  return out;
}

std::uint64_t Bucket::send(const WorkPtr& work, aws::ServiceRequest request, Done done) {
  if (work->is_cancelled) {
    const aws::Failure failure = cancelled(request.what.c_str());
    done(nullptr, &failure);
    return 0;
  }
  const std::uint64_t tag = ++last_tag_;
  work->tags.insert(tag);
  request.tag = tag;
  request.deadline_ns = work->deadline_ns;
  client_.send(std::move(request), [this, work, tag, done = std::move(done)](common::HttpResponse* answer,
                                                                             const aws::Failure* failure) {
    work->tags.erase(tag);
    answered(answer, failure, done);
  });
  return tag;
}

/// Not by a HEAD, whose answer does not say why it is a refusal: because of the signature, or because one may not list.
void Bucket::look(std::uint64_t deadline_ns, std::function<void(const common::ServiceFailure*)> done) {
  aws::ServiceRequest out = request("S3 ListObjects", "GET", {}, {{"max-keys", "1"}});
  out.deadline_ns = deadline_ns;
  client_.send(std::move(out), [this, done = std::move(done)](const common::HttpResponse* answer,
                                                              const aws::Failure* failure) {
    if (failure == nullptr && answer->body.find("<ListBucketResult") != std::string::npos)
      return done(nullptr);
    aws::Failure found;
    if (failure == nullptr) {
      found.http_status = answer->status;
      found.text = "S3 ListObjects: the answer is no list of objects; is the endpoint S3?";
    } else {
      found = answer != nullptr ? explained(*failure, *answer) : *failure;
    }
    done(&found);
  });
}

void Bucket::abort(std::string_view key, const std::string& upload_id) {
  aws::ServiceRequest out = request("S3 AbortMultipartUpload", "DELETE", key, {{"uploadId", upload_id}});
  out.tag = ++last_tag_;
  out.deadline_ns = common::ns_after(kAbortWithin);
  ++aborts_;
  client_.send(std::move(out),
               [this, key = std::string(key), upload_id](common::HttpResponse*, const aws::Failure* failure) {
                 if (failure != nullptr && failure->code != "NoSuchUpload") {
                   host_.log(CLEAT_LOG_WARN, "the parts of a failed upload are left in the bucket",
                             {{"key", key}, {"upload-id", upload_id}, {"error", failure->text}});
                 }
                 if (--aborts_ == 0) cleared_();
               });
}

void Bucket::answered(common::HttpResponse* answer, const aws::Failure* failure, const Done& done) {
  if (failure == nullptr) {
    note_(nullptr);
    return done(answer, nullptr);
  }
  const aws::Failure out = answer != nullptr ? explained(*failure, *answer) : *failure;
  note_(&out);
  done(nullptr, &out);
}

aws::Failure Bucket::explained(const aws::Failure& failure, const common::HttpResponse& answer) const {
  aws::Failure out = failure;
  const std::string host_id = common::header_of(answer, "x-amz-id-2");
  if (!host_id.empty()) out.text += " (host id " + host_id.substr(0, kLongestHostId) + ")";
  if (out.code == "NoSuchUpload") {
    // Its parts were taken away meanwhile, or it was completed by a first request whose answer was lost.
    out.status = CLEAT_REMOTE;
    out.is_retryable = true;
  }
  const std::string region = region_of(answer);
  const bool is_elsewhere = answer.status / 100 == 3 || out.code == "AuthorizationHeaderMalformed" ||
                            out.code == "IllegalLocationConstraintException" || answer.status == 400;
  if (is_elsewhere && !region.empty() && region != config_.settings.region) {
    out.status = CLEAT_INVALID;
    out.is_retryable = false;
    out.text += ": the bucket is in the region " + region + ", and the requests go to " +
                config_.settings.region + ": check the field region";
  }
  return out;
}

void Bucket::presign(const WorkPtr& work, std::string_view key, std::chrono::seconds how_long,
                     std::function<void(const std::string*, const aws::Failure*)> done) {
  aws::ServiceRequest out = request("S3 presign", "GET", key);
  out.deadline_ns = work->deadline_ns;
  client_.presign(std::move(out), static_cast<std::uint64_t>(how_long.count()), std::move(done));
}

aws::Failure cancelled(const char* what) {
  aws::Failure out;
  out.status = CLEAT_CANCELLED;
  out.text = std::string(what) + ": nobody waits for the answer any more";
  return out;
}

bool is_of_s3(const common::HttpResponse& answer) {
  // Every object has an ETag, wherever it is stored; S3 itself and most that speak as it does name the request.
  return !common::header_of(answer, "etag").empty() || common::has_header_like(answer, "x-amz");
}

aws::Failure unexpected(const char* what) {
  aws::Failure out;
  out.is_retryable = true;
  out.text = std::string(what) + ": the answer is not what was expected: is the endpoint S3?";
  return out;
}

aws::Failure in_words_of_get(aws::Failure failure) {
  if (failure.code == "NoSuchKey") {
    failure.text.insert(0, "object not found: ");
  } else {
    failure.text.insert(0, "s3 binding error: error downloading S3 object: ");
  }
  if (failure.status == CLEAT_TOO_LARGE) failure.text += ": see maxObjectSize";
  return failure;
}

aws::Failure failure_of(const Error& error) {
  aws::Failure out;
  out.status = error.status;
  out.is_retryable = (error.flags & CLEAT_RETRYABLE) != 0;
  out.text = error.what();
  return out;
}

}  // namespace cleat::s3
