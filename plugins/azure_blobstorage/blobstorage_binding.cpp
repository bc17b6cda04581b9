#include "blobstorage_binding.hpp"

#include <memory>
#include <utility>

#include "blob_request.hpp"
#include "common/json_text.hpp"
#include "common/on_loop.hpp"
#include "common/text.hpp"
#include "common/url.hpp"
#include "download.hpp"
#include "listing.hpp"
#include "upload.hpp"

namespace cleat::blobstorage {
namespace {

azure::ServiceRequest of_blob(const char* what, const char* method, const std::string& name) {
  azure::ServiceRequest out;
  out.what = what;
  out.method = method;
  out.path = "/" + common::encoded_path(name, true);
  out.may_run_twice = true;
  return out;
}

}  // namespace

void BlobStorageBinding::init(const Config& config) {
  config_ = parse_config(config);
}

void BlobStorageBinding::start(Deadline /*deadline*/) {
  common::CurlLoop::Options options;
  options.ca = config_.ca;
  curl_.emplace(std::move(options));
  azure::Place::Options place{"/" + common::encoded_path(config_.container, false),
                              {},
                              {},
                              "ContainerAlreadyExists",
                              "ContainerNotFound",
                              "ContainerBeingDeleted"};
  place.look.what = "Get Container Properties";
  place.look.query = {{"restype", "container"}};
  if (config_.make_container) {
    place.make.emplace();
    place.make->what = "Create Container";
    place.make->method = "PUT";
    place.make->query = {{"restype", "container"}};
    if (!config_.public_access.empty())
      place.make->headers.push_back({"x-ms-blob-public-access", config_.public_access});
  }
  container_.emplace(*curl_, config_.account, std::move(place),
                     [this](std::int32_t health, const std::string& why) { health_.tell(health, why); });
  files_.emplace(host_, curl_->loop());
  file_calls_.emplace(curl_->loop());
  curl_->start();
  curl_->loop().post([this] { container_->open(); });
}

void BlobStorageBinding::ping(Deadline deadline) {
  const auto ask = [this, at_ns = deadline.at_ns](const common::Answer& answer) {
    container_->look(at_ns, [answer](const azure::Failure* failure) { answer(common::trouble_of(failure)); });
  };
  common::ask_and_wait(curl_->loop(), deadline, "the container did not answer in time", ask);
}

void BlobStorageBinding::invoke(const Request& request, Call&& call) {
  const std::string_view operation = request.operation();
  if (operation == "create") return create(request, std::move(call));
  if (operation == "get") return get(request, std::move(call));
  if (operation == "delete") return remove(request, std::move(call));
  if (operation == "list") return list(request, std::move(call));
  if (operation == "presign") return presign(request, std::move(call));
  if (operation == "bulkGet") return bulk(request, std::move(call), BulkRequest::Kind::get);
  if (operation == "bulkCreate") return bulk(request, std::move(call), BulkRequest::Kind::create);
  if (operation == "bulkDelete") return bulk(request, std::move(call), BulkRequest::Kind::remove);
  throw Error(
      CLEAT_UNSUPPORTED,
      "operation: expected create, get, delete, list, presign, bulkGet, bulkCreate or bulkDelete, found '" +
          std::string(operation) + "'");
}

void BlobStorageBinding::begin(Call&& call, std::function<void(Call&& call)> task) {
  // std::function wants to be copied, and a call cannot be.
  const auto held = std::make_shared<Call>(std::move(call));
  if (!curl_->loop().post([task = std::move(task), held] { task(std::move(*held)); }))
    held->fail(CLEAT_CANCELLED, "the component has stopped");
}

void BlobStorageBinding::create(const Request& request, Call&& call) {
  const auto upload =
      std::make_shared<Upload>(*container_, *files_, std::make_shared<Work>(request), config_.block_bytes);
  const NewBlob& blob = upload->blob();
  read_new_blob(request, config_, upload->blob());
  const std::string presigned_url = blob.sign_for ? presigned(config_, blob.name, *blob.sign_for) : "";
  begin(std::move(call), [this, upload, presigned_url](Call&& mine) {
    const auto held = std::make_shared<Call>(std::move(mine));
    const std::string name = upload->blob().name;
    upload->begin(
        [this, held, name, presigned_url](common::HttpResponse* answer, const azure::Failure* failure) {
          if (failure != nullptr) return common::fail(*held, *failure);
          held->complete(answer_of_create(config_, name, presigned_url, *answer));
        });
  });
}

void BlobStorageBinding::bulk(const Request& request, Call&& call, BulkRequest::Kind kind) {
  const auto all = std::make_shared<Bulk>(Bulk::Component{*container_, *files_, *file_calls_, config_},
                                          std::make_shared<Work>(request), bulk_request(request, kind));
  begin(std::move(call), [all](Call&& mine) { all->begin(std::move(mine)); });
}

void BlobStorageBinding::ask(azure::ServiceRequest out, const Request& request, Call&& call,
                             Answered answered) {
  out.tag = request.id();
  out.deadline_ns = request.deadline().at_ns;
  const auto sent = std::make_shared<azure::ServiceRequest>(std::move(out));
  auto held = std::make_shared<Call>(std::move(call));
  const bool is_posted = curl_->loop().post([this, sent, held, answered = std::move(answered)] {
    container_->ask(std::move(*sent),
                    [held, answered](common::HttpResponse* answer, const azure::Failure* failure) {
                      Call mine = std::move(*held);
                      if (failure != nullptr) return common::fail(mine, in_words_of_dapr(*failure));
                      try {
                        mine.complete(answered(*answer));
                      } catch (const Error& error) {
                        mine.fail(error.status, error.what(), error.flags);
                      }
                    });
  });
  if (!is_posted) held->fail(CLEAT_CANCELLED, "the component has stopped");
}

void BlobStorageBinding::get(const Request& request, Call&& call) {
  const std::string_view path = request.metadata("filePath").value_or("");
  if (!path.empty()) return get_file(request, std::move(call), std::string(path));
  azure::ServiceRequest out = of_blob("Get Blob", "GET", blob_name(request));
  out.wants_sign = true;
  out.max_response_bytes = config_.max_blob_bytes;
  const bool with_metadata = common::is_true(request.metadata("includeMetadata").value_or(""));
  ask(std::move(out), request, std::move(call),
      [with_metadata](common::HttpResponse& answer) { return answer_of_get(answer, with_metadata); });
}

void BlobStorageBinding::get_file(const Request& request, Call&& call, std::string path) {
  const auto work = std::make_shared<Work>(request);
  const auto download = std::make_shared<Download>(*container_, *files_, config_, work, config_.block_bytes);
  const bool with_metadata = common::is_true(request.metadata("includeMetadata").value_or(""));
  begin(std::move(call), [this, work, download, with_metadata, name = blob_name(request),
                          path = std::move(path)](Call&& mine) {
    const auto held = std::make_shared<Call>(std::move(mine));
    const auto end = [this, work, held](const azure::Failure* failure) {
      work->is_over = true;
      file_calls_->remove(work);
      if (failure != nullptr) common::fail(*held, *failure);
    };
    file_calls_->add(work, [end](const azure::Failure& failure) { end(&failure); });
    download->begin(
        name, {"", path},
        [end, held, path, with_metadata](common::HttpResponse* properties, const azure::Failure* failure) {
          end(failure);
          if (failure != nullptr) return;
          Response answer = answer_of_get(*properties, with_metadata);
          answer.content_type.clear();  // of the file, and there are no bytes here
          answer.metadata.emplace_back("filePath", path);
          held->complete(std::move(answer));
        });
  });
}

void BlobStorageBinding::remove(const Request& request, Call&& call) {
  azure::ServiceRequest out = of_blob("Delete Blob", "DELETE", blob_name(request));
  out.done_status = 202;
  const std::string snapshots = delete_snapshots(request.metadata("deleteSnapshots").value_or(""));
  if (!snapshots.empty()) out.headers.push_back({"x-ms-delete-snapshots", snapshots});
  ask(std::move(out), request, std::move(call), [](common::HttpResponse&) { return Response(); });
}

void BlobStorageBinding::list(const Request& request, Call&& call) {
  ask(list_of(request), request, std::move(call),
      [](common::HttpResponse& answer) { return answer_of_list(answer.body); });
}

void BlobStorageBinding::presign(const Request& request, Call&& call) {
  const std::string name = blob_name(request);
  const auto how_long = sign_ttl(request);
  if (!how_long) throw Error(CLEAT_INVALID, "signTTL is a required attribute for presign operations");
  const std::string url = presigned(config_, name, *how_long);
  call.complete({Buffer::of("{\"presignURL\":" + common::json_string(url) + "}"), "application/json", {}});
}

void BlobStorageBinding::cancel(std::uint64_t call_id) {
  curl_->cancel(call_id);
  curl_->loop().post([this, call_id] { file_calls_->cancel(call_id); });
}

void BlobStorageBinding::stop(Deadline deadline) {
  common::run_and_wait(curl_->loop(), deadline, [this] {
    container_->close();
    file_calls_->close();
  });
  curl_->stop();
}

}  // namespace cleat::blobstorage
