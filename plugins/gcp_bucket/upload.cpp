#include "upload.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

#include "attributes.hpp"
#include "common/json_text.hpp"
#include "common/json_value.hpp"
#include "common/url.hpp"
#include "common/uuid.hpp"
#include "signed_url.hpp"

namespace cleat::bucket {
namespace {

constexpr int kMostFailures = 4;

/// What follows scheme and host.
std::string path_of(const std::string& url) {
  const std::size_t host = url.find("://");
  if (host == std::string::npos) return url.rfind('/', 0) == 0 ? url : std::string();
  const std::size_t path = url.find('/', host + 3);
  return path == std::string::npos ? std::string() : url.substr(path);
}

std::string origin_of(const std::string& url) {
  return url.substr(0, url.find('/', url.find("://") + 3));
}

/// "bytes=0-524287": so many bytes; 0 without.
std::uint64_t bytes_of(const std::string& range) {
  const std::size_t dash = range.rfind('-');
  std::uint64_t last = 0;
  if (range.rfind("bytes=0-", 0) != 0) return 0;
  const auto [end, error] = std::from_chars(range.data() + dash + 1, range.data() + range.size(), last);
  return error == std::errc() ? last + 1 : 0;
}

bool may_go_on(const google::Failure& failure) {
  if (failure.status == CLEAT_CANCELLED) return false;
  return failure.status == CLEAT_UNAVAILABLE || failure.status == CLEAT_THROTTLED ||
         (failure.http_status == 0 && failure.is_retryable);
}

}  // namespace

Upload::Upload(Storage& storage, const Request& request)
    : storage_(storage),
      base_(request_of(request, "storage.objects.insert", "POST",
                       storage.config().place.url + "/upload/storage/v1/b/" +
                           common::encoded_path(storage.config().bucket, false) + "/o")),
      call_(Host(nullptr), nullptr) {
  read_new_object(request, storage.config(), object_);
}

google::ServiceRequest Upload::base() const {
  google::ServiceRequest out = base_;
  out.is_new_each_time = !object_.is_named;
  return out;
}

void Upload::begin(Call&& call) {
  call_ = std::move(call);
  object_.data.size() <= storage_.config().chunk_bytes ? send_whole() : open_session();
}

void Upload::send_whole() {
  google::ServiceRequest out = base();
  const bool is_plain = object_.resource.empty();
  out.query = {{"uploadType", is_plain ? "media" : "multipart"}, {"name", object_.key}};
  out.query.insert(out.query.end(), object_.conditions.begin(), object_.conditions.end());
  if (is_plain) {
    out.headers.push_back({"Content-Type", object_.content_type});
    out.borrowed_body = object_.data;
  } else {
    // By chance in no data.
    const std::string boundary = common::random_uuid();
    out.headers.push_back({"Content-Type", "multipart/related; boundary=" + boundary});
    out.body = "--" + boundary + "\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n" +
               object_.resource + "\r\n--" + boundary + "\r\nContent-Type: " + object_.content_type +
               "\r\n\r\n";
    out.body += object_.data;
    out.body += "\r\n--" + boundary + "--\r\n";
  }
  storage_.ask(std::move(out), [self = shared_from_this()](const common::HttpResponse* answer,
                                                           const google::Failure* failure) {
    failure != nullptr ? self->fail(*failure, "uploading") : self->complete(*answer);
  });
}

void Upload::open_session() {
  google::ServiceRequest out = base();
  out.query = {{"uploadType", "resumable"}, {"name", object_.key}};
  out.query.insert(out.query.end(), object_.conditions.begin(), object_.conditions.end());
  out.headers = {{"Content-Type", "application/json; charset=UTF-8"},
                 {"X-Upload-Content-Type", object_.content_type},
                 {"X-Upload-Content-Length", std::to_string(object_.data.size())}};
  out.body = object_.resource.empty() ? "{\"contentType\":" + common::json_string(object_.content_type) + "}"
                                      : object_.resource;
  storage_.ask(std::move(out), [self = shared_from_this()](const common::HttpResponse* answer,
                                                           const google::Failure* failure) {
    if (failure != nullptr) return self->fail(*failure, "uploading");
    // Of the address only what follows the host: the chunks and the token go where the component's requests go.
    const std::string path = path_of(common::header_of(*answer, "location"));
    if (path.empty()) {
      const google::Failure strange{
          CLEAT_REMOTE, true, 0, answer->status, {}, "storage.objects.insert: the answer has no Location"};
      return self->fail(strange, "uploading");
    }
    self->session_ = origin_of(self->storage_.config().place.url) + path;
    self->send_chunk();
  });
}

void Upload::send_chunk() {
  google::ServiceRequest out = base();
  const std::uint64_t total = object_.data.size();
  const std::uint64_t size = std::min(storage_.config().chunk_bytes, total - sent_);
  out.method = "PUT";
  out.url = session_;
  out.headers = {{"Content-Type", object_.content_type},
                 {"Content-Range", "bytes " + std::to_string(sent_) + "-" + std::to_string(sent_ + size - 1) +
                                       "/" + std::to_string(total)}};
  out.borrowed_body = object_.data.substr(sent_, size);
  out.passes = 308;
  storage_.ask(std::move(out), [self = shared_from_this()](const common::HttpResponse* answer,
                                                           const google::Failure* failure) {
    failure != nullptr ? self->broke_off(*failure) : self->go_on(*answer, true);
  });
}

/// After a chunk whose fate is unknown.
void Upload::ask_how_far() {
  google::ServiceRequest out = base();
  out.method = "PUT";
  out.url = session_;
  out.headers = {{"Content-Range", "bytes */" + std::to_string(object_.data.size())}};
  out.passes = 308;
  storage_.ask(std::move(out), [self = shared_from_this()](const common::HttpResponse* answer,
                                                           const google::Failure* failure) {
    failure != nullptr ? self->broke_off(*failure) : self->go_on(*answer, false);
  });
}

void Upload::go_on(const common::HttpResponse& answer, bool was_chunk) {
  if (answer.status != 308) return complete(answer);
  const std::uint64_t now = bytes_of(common::header_of(answer, "range"));
  if (now > sent_) {
    failures_ = 0;
    back_off_.reset();
  } else if (was_chunk && ++failures_ >= kMostFailures) {
    const google::Failure stuck{CLEAT_REMOTE,
                                object_.is_named,
                                0,
                                answer.status,
                                {},
                                "storage.objects.insert: the service takes no more bytes of the upload"};
    return fail(stuck, "uploading");
  }
  // What it says counts, should it be less than before; all of it without an object would be its mistake.
  sent_ = std::min<std::uint64_t>(now, object_.data.size() - 1);
  send_chunk();
}

void Upload::broke_off(const google::Failure& failure) {
  if (failure.http_status == 404 || failure.http_status == 410) {
    // The session has ended; another call begins another one.
    google::Failure ended = failure;
    ended.status = CLEAT_UNAVAILABLE;
    ended.is_retryable = true;
    return fail(ended, "uploading");
  }
  if (!may_go_on(failure) || ++failures_ >= kMostFailures) return fail(failure, "uploading and closing");
  const auto wait = std::max(back_off_.next(), std::chrono::milliseconds(failure.retry_after_ms));
  const auto due = std::chrono::steady_clock::now() + wait;
  // The call would be over by then: what is known now says more.
  if (due >= Deadline{base_.deadline_ns}.time()) return fail(failure, "uploading and closing");
  storage_.later(wait, [self = shared_from_this()](bool is_stopped) {
    if (is_stopped) return self->call_.fail(CLEAT_CANCELLED, "the component has stopped");
    self->ask_how_far();
  });
}

void Upload::fail(const google::Failure& failure, const char* when) {
  google::Failure said = failure;
  said.text = "gcp bucket binding error while " + std::string(when) + ": " + said.text;
  common::fail(call_, said);
}

void Upload::complete(const common::HttpResponse& answer) {
  const auto broken = [&](const std::string& text) {
    fail({CLEAT_REMOTE, object_.is_named, 0, answer.status, {}, "storage.objects.insert: " + text},
         "uploading and closing");
  };
  Response out;
  out.data =
      Buffer::of("{\"objectURL\":" + common::json_string(public_url(storage_.config(), object_.key)) + "}");
  out.content_type = "application/json";
  out.metadata.emplace_back("key", object_.key);
  try {
    const common::JsonValue parsed = common::parse_json(answer.body);
    const std::string size = text_of(parsed, "size");
    if (!size.empty() && size != std::to_string(object_.data.size()))
      return broken("of " + std::to_string(object_.data.size()) + " bytes the service has stored " +
                    size.substr(0, 20));
    if (std::string generation = text_of(parsed, "generation"); !generation.empty())
      out.metadata.emplace_back("generation", std::move(generation));
  } catch (const std::invalid_argument&) {
    // A success by its number only: a proxy's page, for one.
    return broken(
        "the answer is no object in JSON, and the object may have been stored; is the endpoint that of Cloud "
        "Storage?");
  }
  call_.complete(std::move(out));
}

}  // namespace cleat::bucket
