#include "bucket_binding.hpp"

#include <memory>
#include <utility>

#include "bulk_get.hpp"
#include "common/base64.hpp"
#include "common/google/rsa_key.hpp"
#include "common/json_text.hpp"
#include "common/on_loop.hpp"
#include "copying.hpp"
#include "listing.hpp"
#include "object_request.hpp"
#include "signed_url.hpp"
#include "upload.hpp"

namespace cleat::bucket {
namespace {

google::Failure in_words_of_dapr(google::Failure failure) {
  if (failure.status == CLEAT_NOT_FOUND) failure.text = "object not found: " + failure.text;
  if (failure.status == CLEAT_TOO_LARGE) failure.text += ": see maxObjectSize";
  failure.text = kErrorPrefix + failure.text;
  return failure;
}

Response answer_of_get(common::HttpResponse& answer, bool is_encoded) {
  Response out;
  out.content_type = common::header_of(answer, "content-type");
  for (const auto& [name, header] :
       {std::pair("generation", "x-goog-generation"), std::pair("metageneration", "x-goog-metageneration")}) {
    if (std::string value = common::header_of(answer, header); !value.empty())
      out.metadata.emplace_back(name, std::move(value));
  }
  out.data = Buffer::of(is_encoded ? common::base64(answer.body) : std::move(answer.body));
  return out;
}

Response answer_of_list(const std::vector<Listed>& found, const std::string& next) {
  // As Go writes a slice that nothing was put into.
  std::string out = found.empty() ? "null" : "[";
  for (std::size_t i = 0; i < found.size(); ++i)
    out += (i == 0 ? "" : ",") + found[i].attributes;
  if (!found.empty()) out += ']';
  Response response{Buffer::of(std::move(out)), "application/json", {}};
  if (!next.empty()) response.metadata.emplace_back("nextPageToken", next);
  return response;
}

}  // namespace

void BucketBinding::init(const Config& config) {
  config_ = parse_config(config);
}

void BucketBinding::start(Deadline /*deadline*/) {
  common::CurlLoop::Options options;
  options.ca = config_.ca;
  curl_.emplace(std::move(options));
  storage_.emplace(host_, *curl_, config_);
  curl_->start();
  curl_->loop().post([this] { storage_->open(); });
}

void BucketBinding::ping(Deadline deadline) {
  common::ask_and_wait(curl_->loop(), deadline, "the bucket did not answer in time",
                       [this, at_ns = deadline.at_ns](const common::Answer& answer) {
                         storage_->look(at_ns, [answer](const google::Failure* failure) {
                           answer(common::trouble_of(failure));
                         });
                       });
}

void BucketBinding::invoke(const Request& request, Call&& call) {
  const std::string_view operation = request.operation();
  if (operation == "create") return run<Upload>(request, std::move(call));
  if (operation == "get") return get(request, std::move(call));
  if (operation == "delete") return remove(request, std::move(call));
  if (operation == "list") return list(request, std::move(call));
  if (operation == "sign") return sign(request, std::move(call));
  if (operation == "bulkGet") return run<BulkGet>(request, std::move(call));
  if (operation == "copy" || operation == "move" || operation == "rename")
    return run<Copying>(request, std::move(call));
  throw Error(CLEAT_UNSUPPORTED, "unsupported operation " + std::string(operation));
}

void BucketBinding::post(Call&& call, std::function<void(Call&&)> task) {
  // std::function wants to be copied, and a call cannot be.
  auto held = std::make_shared<Call>(std::move(call));
  if (!curl_->loop().post([held, task = std::move(task)] { task(std::move(*held)); }))
    held->fail(CLEAT_CANCELLED, "the component has stopped");
}

template <class Operation>
void BucketBinding::run(const Request& request, Call&& call) {
  const auto operation = std::make_shared<Operation>(*storage_, request);
  post(std::move(call), [operation](Call&& mine) { operation->begin(std::move(mine)); });
}

void BucketBinding::get(const Request& request, Call&& call) {
  auto out =
      request_of(request, "storage.objects.get", "GET", object_url(config_, config_.bucket, key_of(request)));
  out.query = conditions_of(request);
  out.query.emplace_back("alt", "media");
  out.max_response_bytes = config_.max_object_bytes;
  const bool is_encoded = flag_of(request, "encodeBase64", config_.encode_base64);
  post(std::move(call), [this, out = std::move(out), is_encoded](Call&& mine) {
    auto held = std::make_shared<Call>(std::move(mine));
    storage_->ask(out, [held, is_encoded](common::HttpResponse* answer, const google::Failure* failure) {
      if (failure != nullptr) return common::fail(*held, in_words_of_dapr(*failure));
      if (!has_read(*answer)) return common::fail(*held, in_words_of_dapr(unexpected("storage.objects.get")));
      held->complete(answer_of_get(*answer, is_encoded));
    });
  });
}

void BucketBinding::remove(const Request& request, Call&& call) {
  auto out = request_of(request, "storage.objects.delete", "DELETE",
                        object_url(config_, config_.bucket, key_of(request)));
  out.query = conditions_of(request);
  post(std::move(call), [this, out = std::move(out)](Call&& mine) {
    auto held = std::make_shared<Call>(std::move(mine));
    storage_->ask(out, [held](const common::HttpResponse* answer, const google::Failure* failure) {
      if (failure != nullptr) return common::fail(*held, in_words_of_dapr(*failure));
      if (!has_deleted(*answer))
        return common::fail(*held, in_words_of_dapr(unexpected("storage.objects.delete")));
      held->complete();
    });
  });
}

void BucketBinding::list(const Request& request, Call&& call) {
  ListQuery query = list_query_of(request, "list");
  auto out = request_of(request, "storage.objects.list", "GET", objects_url(config_, config_.bucket));
  post(std::move(call), [this, out = std::move(out), query = std::move(query)](Call&& mine) {
    auto held = std::make_shared<Call>(std::move(mine));
    const auto done = [held](std::vector<Listed>* found, const std::string& next,
                             const google::Failure* failure) {
      if (failure != nullptr) {
        google::Failure said = *failure;
        said.text = kErrorPrefix + said.text;
        return common::fail(*held, said);
      }
      held->complete(answer_of_list(*found, next));
    };
    std::make_shared<Listing>(*storage_, out, query, done)->begin();
  });
}

void BucketBinding::sign(const Request& request, Call&& call) {
  const std::string key = key_of(request);
  const auto lifetime = sign_ttl_of(request.metadata("signTTL").value_or(""), config_);
  const auto base = request_of(request, "storage.objects.get", "GET", {});
  post(std::move(call), [this, key, lifetime, tag = base.tag, at_ns = base.deadline_ns](Call&& mine) {
    auto held = std::make_shared<Call>(std::move(mine));
    const auto fail = [held](const google::Failure& failure) {
      google::Failure said = failure;
      said.text = kErrorPrefix + said.text;
      common::fail(*held, said);
    };
    storage_->signer().name(tag, at_ns, [=, this](const std::string* email, const google::Failure* failure) {
      if (failure != nullptr) return fail(*failure);
      UnsignedUrl made;
      try {
        made = unsigned_url(config_, key, *email, std::chrono::system_clock::now(), lifetime);
      } catch (const Error& error) {
        return held->fail(error.status, error.what());
      }
      storage_->signer().sign(
          made.text, tag, at_ns, [=](const std::string* signature, const google::Failure* why) {
            if (why != nullptr) return fail(*why);
            held->complete(
                {Buffer::of("{\"signURL\":" + common::json_string(made.url + google::hex(*signature)) + "}"),
                 "application/json",
                 {}});
          });
    });
  });
}

void BucketBinding::cancel(std::uint64_t call_id) {
  curl_->cancel(call_id);
}

void BucketBinding::stop(Deadline deadline) {
  common::run_and_wait(curl_->loop(), deadline, [this] { storage_->close(); });
  curl_->stop();
}

}  // namespace cleat::bucket
