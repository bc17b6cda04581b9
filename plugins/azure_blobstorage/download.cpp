#include "download.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "blob_request.hpp"
#include "common/curl/answer.hpp"
#include "common/url.hpp"

namespace cleat::blobstorage {

Download::Download(azure::Place& container, const common::FileWork& files, const BlobConfig& config,
                   WorkPtr work, std::uint64_t part_bytes)
    : container_(container),
      files_(files),
      config_(config),
      work_(std::move(work)),
      part_bytes_(part_bytes) {}

void Download::begin(std::string blob, Destination destination, Done done) {
  blob_ = std::move(blob);
  destination_ = std::move(destination);
  done_ = std::move(done);
  container_.ask(request("Get Blob Properties", "HEAD"),
                 [self = shared_from_this()](common::HttpResponse* answer, const azure::Failure* failure) {
                   if (failure != nullptr) return self->fail(in_words_of_dapr(*failure));
                   self->properties_ = std::move(*answer);
                   const std::string length = common::header_of(self->properties_, "content-length");
                   const auto [end, error] =
                       std::from_chars(length.data(), length.data() + length.size(), self->size_);
                   if (error != std::errc() || end != length.data() + length.size()) {
                     azure::Failure strange;
                     strange.text = "Get Blob Properties: the answer does not say how large the blob is";
                     return self->fail(strange);
                   }
                   self->open();
                 });
}

azure::ServiceRequest Download::request(const char* what, const char* method) const {
  azure::ServiceRequest out;
  out.what = what;
  out.method = method;
  out.path = "/" + common::encoded_path(blob_, true);
  out.may_run_twice = true;
  out.tag = work_->id;
  out.deadline_ns = work_->deadline_ns;
  out.wants_sign = true;
  return out;
}

void Download::open() {
  if (!goes_on(nullptr)) return;
  using FilePtr = std::shared_ptr<common::NewFile>;
  files_.run<FilePtr>(
      [place = config_.files, to = destination_] {
        return to.folder.empty() ? std::make_shared<common::NewFile>(place, to.path)
                                 : std::make_shared<common::NewFile>(place, to.folder, to.path);
      },
      [self = shared_from_this()](FilePtr* opened, const Error* error) {
        if (opened != nullptr) self->file_ = std::move(*opened);
        if (self->goes_on(error)) self->next();
      });
}

void Download::next() {
  if (written_ == size_) return finish();
  const std::uint64_t count = std::min(part_bytes_, size_ - written_);
  azure::ServiceRequest out = request("Get Blob", "GET");
  out.headers = {
      {"x-ms-range", "bytes=" + std::to_string(written_) + "-" + std::to_string(written_ + count - 1)},
      {"If-Match", common::header_of(properties_, "etag")}};
  out.max_response_bytes = count;
  container_.ask(std::move(out), [self = shared_from_this(), count](common::HttpResponse* answer,
                                                                    const azure::Failure* failure) {
    if (failure != nullptr) return self->fail(in_words_of_dapr(*failure));
    if (answer->body.size() == count) return self->write(std::move(answer->body));
    azure::Failure strange;
    strange.text = "Get Blob: the answer is not the part of the blob that was asked for";
    self->fail(strange);
  });
}

void Download::write(std::string bytes) {
  if (!goes_on(nullptr)) return;
  written_ += bytes.size();
  const auto part = std::make_shared<const std::string>(std::move(bytes));
  files_.run<bool>(
      [file = file_, part] {
        file->write(*part);
        return true;
      },
      [self = shared_from_this()](const bool*, const Error* error) {
        if (self->goes_on(error)) self->next();
      });
}

void Download::finish() {
  files_.run<bool>(
      [file = file_] {
        file->finish();
        return true;
      },
      [self = shared_from_this()](const bool*, const Error* error) {
        if (!self->goes_on(error)) return;
        self->drop_file();
        if (const Done done = std::exchange(self->done_, nullptr)) done(&self->properties_, nullptr);
      });
}

bool Download::goes_on(const Error* error) {
  if (work_->is_over) {
    drop_file();
    return false;
  }
  if (error == nullptr) return true;
  fail(failure_of(*error));
  return false;
}

void Download::fail(const azure::Failure& failure) {
  drop_file();
  const Done done = std::exchange(done_, nullptr);
  if (done && !work_->is_over) done(nullptr, &failure);
}

/// Where it may block: what is not finished is deleted.
void Download::drop_file() {
  if (!file_) return;
  files_.run<bool>(
      [file = std::exchange(file_, nullptr)]() mutable {
        file.reset();
        return true;
      },
      [](const bool*, const Error*) {});
}

}  // namespace cleat::blobstorage
