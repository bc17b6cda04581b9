#include "storage.hpp"

#include "common/text.hpp"
#include "object_request.hpp"

namespace cleat::bucket {
namespace {

using Says = common::FarEnd::Says;

Says judge(const common::ServiceFailure& failure) {
  switch (failure.status) {
    case CLEAT_NOT_FOUND:  // the object, or the bucket
      return Says::nothing;
    case CLEAT_DENIED:
    case CLEAT_CONFLICT:
    case CLEAT_INVALID:
    case CLEAT_TOO_LARGE:
      // Of one request: the far end is there and knows us.
      return failure.http_status != 0 ? Says::is_there : Says::nothing;
    case CLEAT_THROTTLED:
      return Says::is_slow;
    default:
      return Says::is_wrong;
  }
}

}  // namespace

Storage::Storage(Host host, common::CurlLoop& curl, const BucketConfig& config)
    : curl_(curl),
      config_(config),
      client_(curl, config.place.credentials),
      signer_(curl, client_, config.place.credentials),
      health_(host),
      far_end_(
          curl.loop(),
          {[this](std::uint64_t deadline_ns, const common::FarEnd::Answer& done) { look(deadline_ns, done); },
           judge, [this](std::int32_t health, const std::string& why) { health_.tell(health, why); }}) {}

void Storage::look(std::uint64_t deadline_ns, common::FarEnd::Answer done) {
  google::ServiceRequest out;
  out.what = "storage.objects.list";
  out.url = objects_url(config_, config_.bucket);
  out.query = {{"maxResults", "1"}, {"fields", "kind"}};
  out.may_run_twice = true;
  out.deadline_ns = deadline_ns;
  client_.send(std::move(out), [done = std::move(done)](const common::HttpResponse* answer,
                                                        const google::Failure* failure) {
    if (failure != nullptr || common::trimmed(answer->body).substr(0, 1) == "{") return done(failure);
    google::Failure strange;
    strange.http_status = answer->status;
    strange.text = "storage.objects.list: the answer is no JSON; is the endpoint that of Cloud Storage?";
    done(&strange);
  });
}

void Storage::ask(google::ServiceRequest request, Done done) {
  client_.send(std::move(request),
               [this, done = std::move(done)](common::HttpResponse* answer, const google::Failure* failure) {
                 far_end_.note(failure);
                 done(answer, failure);
               });
}

void Storage::later(std::chrono::milliseconds wait, std::function<void(bool)> task) {
  if (is_closed_) return task(true);
  const std::uint64_t id = ++last_id_;
  Later& held = later_[id];
  held.task = std::move(task);
  held.timer = curl_.loop().after(wait, [this, id] {
    const auto found = later_.find(id);
    const auto due = std::move(found->second.task);
    later_.erase(found);
    due(false);
  });
}

void Storage::close() {
  is_closed_ = true;
  far_end_.close();
  for (const auto& [id, held] : std::exchange(later_, {})) {
    curl_.loop().cancel(held.timer);
    held.task(true);
  }
  client_.close();
}

bool has_read(const common::HttpResponse& answer) {
  return common::has_header_like(answer, "x-goog-") || !common::header_of(answer, "etag").empty();
}

bool has_deleted(const common::HttpResponse& answer) {
  // An emulator answers with 200 and a null.
  const bool is_json = common::header_of(answer, "content-type").rfind("application/json", 0) == 0;
  return answer.status == 204 || answer.body.empty() || is_json;
}

google::Failure unexpected(const char* what) {
  return {
      CLEAT_REMOTE,
      true,
      0,
      0,
      {},
      std::string(what) + ": the answer is not what was expected: is the endpoint that of Cloud Storage?"};
}

}  // namespace cleat::bucket
