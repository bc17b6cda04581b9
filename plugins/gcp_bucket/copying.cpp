#include "copying.hpp"

#include <stdexcept>
#include <utility>

#include "attributes.hpp"
#include "common/json_value.hpp"
#include "common/url.hpp"

namespace cleat::bucket {

using common::JsonValue;

Copying::Copying(Storage& storage, const Request& request)
    : storage_(storage),
      base_(request_of(request, "storage.objects.rewrite", "POST", {})),
      kind_(request.operation() == "copy"   ? Kind::copy
            : request.operation() == "move" ? Kind::move
                                            : Kind::rename),
      key_(key_of(request)),
      to_bucket_(storage.config().bucket),
      to_key_(key_),
      conditions_(conditions_of(request)),
      generation_(request.metadata("ifSourceGenerationMatch").value_or("")),
      call_(Host(nullptr), nullptr) {
  if (generation_.find_first_not_of("0123456789") != std::string::npos)
    throw Error(CLEAT_INVALID,
                "metadata 'ifSourceGenerationMatch': expected a whole number, found '" + generation_ + "'");
  kind_ == Kind::rename ? read_new_name(request) : read_destination(request);
  if (to_key_ == "." || to_key_ == "..")
    throw Error(CLEAT_INVALID, "expected another name than '.' and '..', which no object can have");
  if (kind_ != Kind::copy && to_bucket_ == storage.config().bucket && to_key_ == key_)
    throw Error(CLEAT_INVALID, kErrorPrefix + ("move destination " + to_bucket_ + "/" + to_key_ +
                                               " is the same as the source: nothing was done"));
}

void Copying::read_destination(const Request& request) {
  const char* const operation = kind_ == Kind::copy ? "copy" : "move";
  const JsonValue asked = object_of(request, operation);
  const std::string bucket = text_in(asked, "destinationBucket", operation);
  const std::string key = text_in(asked, "destinationKey", operation);
  if (bucket.empty() && key.empty())
    throw Error(CLEAT_INVALID,
                kErrorPrefix + std::string("copy/move requires at least one of destinationBucket or "
                                           "destinationKey (in the data, a JSON object)"));
  if (!bucket.empty()) to_bucket_ = bucket;
  if (!key.empty()) to_key_ = key;
}

void Copying::read_new_name(const Request& request) {
  const JsonValue asked = object_of(request, "rename");
  to_key_ = text_in(asked, "newName", "rename");
  if (to_key_.empty())
    throw Error(
        CLEAT_INVALID,
        kErrorPrefix + std::string("required 'newName' missing: expected it in the data, a JSON object"));
}

void Copying::begin(Call&& call) {
  call_ = std::move(call);
  if (kind_ == Kind::copy || !generation_.empty()) return copy({});
  find_generation();
}

google::Failure Copying::in_words(google::Failure failure) const {
  if (failure.status == CLEAT_NOT_FOUND && failure.code != "bucketNotFound")
    failure.text = "object not found: " + failure.text;
  failure.text = kErrorPrefix + failure.text;
  return failure;
}

void Copying::find_generation() {
  google::ServiceRequest out = base_;
  out.what = "storage.objects.get";
  out.method = "GET";
  out.url = object_url(storage_.config(), storage_.config().bucket, key_);
  out.query = {{"fields", "generation"}};
  storage_.ask(std::move(out), [self = shared_from_this()](const common::HttpResponse* answer,
                                                           const google::Failure* failure) {
    if (failure != nullptr) return common::fail(self->call_, self->in_words(*failure));
    try {
      self->generation_ = text_of(common::parse_json(answer->body), "generation");
    } catch (const std::invalid_argument&) {
      // As an answer without the member.
    }
    if (self->generation_.empty())
      return self->call_.fail(CLEAT_REMOTE, "storage.objects.get: the answer has no generation",
                              CLEAT_RETRYABLE);
    self->copy({});
  });
}

/// A large object that goes elsewhere takes several requests; each but the last gives the next one's token.
void Copying::copy(const std::string& token) {
  google::ServiceRequest out = base_;
  out.url = object_url(storage_.config(), storage_.config().bucket, key_) + "/rewriteTo/b/" +
            common::encoded_path(to_bucket_, false) + "/o/" + common::encoded_path(to_key_, false);
  out.query = conditions_;
  if (!generation_.empty()) out.query.emplace_back("ifSourceGenerationMatch", generation_);
  if (!token.empty()) out.query.emplace_back("rewriteToken", token);
  out.headers.push_back({"Content-Type", "application/json"});
  storage_.ask(std::move(out), [self = shared_from_this()](const common::HttpResponse* answer,
                                                           const google::Failure* failure) {
    if (failure != nullptr) return common::fail(self->call_, self->in_words(*failure));
    self->copied(*answer);
  });
}

void Copying::copied(const common::HttpResponse& answer) {
  std::string token;
  bool is_done = false;
  try {
    const JsonValue parsed = common::parse_json(answer.body);
    is_done = text_of(parsed, "done") == "true";
    token = text_of(parsed, "rewriteToken");
  } catch (const std::invalid_argument&) {
    // As an answer without the members: nothing says that the copy is there.
  }
  if (!is_done && token.empty())
    return call_.fail(CLEAT_REMOTE, "storage.objects.rewrite: the answer says neither done nor how to go on",
                      CLEAT_RETRYABLE);
  if (!is_done) return copy(token);
  kind_ == Kind::copy ? complete() : remove_source();
}

void Copying::remove_source() {
  google::ServiceRequest out = base_;
  out.what = "storage.objects.delete";
  out.method = "DELETE";
  out.url = object_url(storage_.config(), storage_.config().bucket, key_);
  out.query = {{"ifGenerationMatch", generation_}};
  // Gone already: by a request whose answer did not arrive, or by somebody else.
  out.passes = 404;
  storage_.ask(std::move(out), [self = shared_from_this()](const common::HttpResponse* answer,
                                                           const google::Failure* failure) {
    const bool is_gone = failure == nullptr && (answer->status == 404 || has_deleted(*answer));
    if (is_gone) return self->complete();
    google::Failure said = failure != nullptr ? *failure : unexpected("storage.objects.delete");
    said.text =
        kErrorPrefix + said.text + "; the copy " + self->to_bucket_ + "/" + self->to_key_ +
        " is there, and " +
        (said.http_status == 412 ? "another writer's object, which came in the place of the source meanwhile"
                                 : "so, as far as is known, is the source");
    common::fail(self->call_, said);
  });
}

void Copying::complete() {
  const std::string to = kind_ == Kind::rename ? to_key_ : to_bucket_ + "/" + to_key_;
  const char* const done = kind_ == Kind::copy   ? " copied to "
                           : kind_ == Kind::move ? " moved to "
                                                 : " renamed to ";
  call_.complete({Buffer::of("object " + key_ + done + to), "text/plain; charset=utf-8", {}});
}

}  // namespace cleat::bucket
