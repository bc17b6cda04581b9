#include "storage.hpp"

#include "common/deadlines.hpp"
#include "object_request.hpp"

namespace cleat::bucket {
namespace {

constexpr std::chrono::seconds kLookWithin{10};

}  // namespace

Storage::Storage(Host host, common::CurlLoop& curl, const BucketConfig& config)
    : curl_(curl),
      config_(config),
      client_(curl, config.place.credentials),
      signer_(curl, client_, config.place.credentials),
      health_(host) {}

void Storage::open() {
  is_looking_ = true;
  look(common::ns_after(kLookWithin), [this](common::HttpResponse*, const google::Failure* failure) {
    is_looking_ = false;
    if (failure == nullptr) {
      back_off_.reset();
      return health_.tell(CLEAT_HEALTH_UP, {});
    }
    if (failure->status != CLEAT_CANCELLED) health_.tell(CLEAT_HEALTH_DOWN, failure->text);
    look_again();
  });
}

/// A call would find out too that the far end is back, but the health is to mend without one.
void Storage::look_again() {
  if (is_looking_ || is_closed_) return;
  is_looking_ = true;
  later(back_off_.next(), [this](bool is_stopped) {
    is_looking_ = false;
    if (!is_stopped) open();
  });
}

void Storage::look(std::uint64_t deadline_ns, Done done) {
  google::ServiceRequest out;
  out.what = "storage.objects.list";
  out.url = objects_url(config_, config_.bucket);
  out.query = {{"maxResults", "1"}, {"fields", "kind"}};
  out.may_run_twice = true;
  out.deadline_ns = deadline_ns;
  client_.send(std::move(out),
               [done = std::move(done)](common::HttpResponse* answer, const google::Failure* failure) {
                 const bool is_well = failure == nullptr || failure->status == CLEAT_DENIED;
                 done(answer, is_well ? nullptr : failure);
               });
}

void Storage::ask(google::ServiceRequest request, Done done) {
  client_.send(std::move(request),
               [this, done = std::move(done)](common::HttpResponse* answer, const google::Failure* failure) {
                 note(failure);
                 done(answer, failure);
               });
}

void Storage::note(const google::Failure* failure) {
  if (failure == nullptr) return health_.tell(CLEAT_HEALTH_UP, {});
  switch (failure->status) {
    case CLEAT_NOT_FOUND:  // the object, or the bucket
    case CLEAT_CANCELLED:
      return;
    case CLEAT_DENIED:
    case CLEAT_CONFLICT:
    case CLEAT_INVALID:
    case CLEAT_TOO_LARGE:
      // Of one request: the far end is there and knows us.
      if (failure->http_status != 0) health_.tell(CLEAT_HEALTH_UP, {});
      return;
    default:
      health_.tell(failure->status == CLEAT_THROTTLED ? CLEAT_HEALTH_DEGRADED : CLEAT_HEALTH_DOWN,
                   failure->text);
      look_again();
  }
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
  for (const auto& [id, held] : std::exchange(later_, {})) {
    curl_.loop().cancel(held.timer);
    held.task(true);
  }
  client_.close();
}

}  // namespace cleat::bucket
