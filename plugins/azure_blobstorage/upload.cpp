#include "upload.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base64.hpp"
#include "common/url.hpp"

namespace cleat::blobstorage {
namespace {

constexpr std::size_t kMostBlocks = 50'000;

std::string random_prefix() {
  std::array<char, 12> bytes{};
  if (::RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) != 1)
    throw Error(CLEAT_INTERNAL, "no random bytes for the names of blocks", CLEAT_RETRYABLE);
  return {bytes.data(), bytes.size()};
}

/// All of the same length, as Azure wants them.
std::string block_id(const std::string& prefix, std::size_t number) {
  std::string digits = std::to_string(number);
  digits.insert(0, 6 - std::min<std::size_t>(digits.size(), 6), '0');
  return common::base64(prefix + digits);
}

}  // namespace

Upload::Upload(azure::Place& container, const common::FileWork& files, WorkPtr work,
               std::uint64_t block_bytes)
    : container_(container),
      files_(files),
      work_(std::move(work)),
      block_bytes_(block_bytes),
      block_prefix_(random_prefix()) {}

void Upload::begin(Done done) {
  done_ = std::move(done);
  begin_with(blob_.data.size());
}

void Upload::begin(common::FilePlace place, std::string path, Done done) {
  done_ = std::move(done);
  using FilePtr = std::shared_ptr<const common::File>;
  files_.run<FilePtr>([place = std::move(place),
                       path = std::move(path)] { return std::make_shared<const common::File>(place, path); },
                      [self = shared_from_this()](FilePtr* opened, const Error* error) {
                        if (self->work_->is_over) return;
                        if (error != nullptr) return self->fail(*error);
                        self->file_ = std::move(*opened);
                        self->begin_with(self->file_->size());
                      });
}

void Upload::begin_with(std::uint64_t size) {
  size_ = size;
  if (size / block_bytes_ >= kMostBlocks) {
    return fail(
        Error(CLEAT_TOO_LARGE, "a blob has at most 50000 blocks: expected a larger blockSize or less data"));
  }
  next();
}

/// The part whose turn it is.
void Upload::next() {
  const std::uint64_t from = blocks_.size() * block_bytes_;
  if (from != 0 && from >= size_) return put_block_list();
  const std::uint64_t count = std::min(block_bytes_, size_ - from);
  if (file_) return read(from, count);
  size_ <= block_bytes_ ? put_blob(nullptr) : put_block(nullptr, from, count);
}

void Upload::read(std::uint64_t from, std::uint64_t count) {
  files_.run<std::string>([file = file_, from, count] { return file->read(from, count); },
                          [self = shared_from_this(), from, count](std::string* read, const Error* error) {
                            if (self->work_->is_over) return;
                            if (error != nullptr) return self->fail(*error);
                            auto bytes = std::make_shared<const std::string>(std::move(*read));
                            self->size_ <= self->block_bytes_
                                ? self->put_blob(std::move(bytes))
                                : self->put_block(std::move(bytes), from, count);
                          });
}

azure::ServiceRequest Upload::request(const char* what) const {
  azure::ServiceRequest out;
  out.what = what;
  out.method = "PUT";
  out.path = "/" + common::encoded_path(blob_.name, true);
  // The same bytes under the same name: twice is as good as once.
  out.may_run_twice = true;
  out.done_status = 201;
  out.tag = work_->id;
  out.deadline_ns = work_->deadline_ns;
  return out;
}

void Upload::send(azure::ServiceRequest request, const Bytes& bytes, std::string_view of_blob,
                  std::function<void(common::HttpResponse& answer)> then) {
  request.borrowed_body = bytes ? std::string_view(*bytes) : of_blob;
  container_.ask(std::move(request), [self = shared_from_this(), bytes, then = std::move(then)](
                                         common::HttpResponse* answer, const azure::Failure* failure) {
    if (self->work_->is_over) return;
    failure != nullptr ? self->end(nullptr, failure) : then(*answer);
  });
}

void Upload::put_blob(Bytes bytes) {
  azure::ServiceRequest out = request("Put Blob");
  out.headers = blob_.headers;
  out.headers.push_back({"x-ms-blob-type", "BlockBlob"});
  if (!blob_.content_md5.empty()) out.headers.push_back({"x-ms-blob-content-md5", blob_.content_md5});
  send(std::move(out), bytes, blob_.data, [this](common::HttpResponse& answer) { end(&answer, nullptr); });
}

void Upload::put_block(Bytes bytes, std::uint64_t from, std::uint64_t count) {
  blocks_.push_back(block_id(block_prefix_, blocks_.size()));
  azure::ServiceRequest out = request("Put Block");
  out.query = {{"comp", "block"}, {"blockid", blocks_.back()}};
  const std::string_view of_blob = bytes ? std::string_view() : blob_.data.substr(from, count);
  send(std::move(out), bytes, of_blob, [this](common::HttpResponse&) { next(); });
}

void Upload::put_block_list() {
  azure::ServiceRequest out = request("Put Block List");
  out.query = {{"comp", "blocklist"}};
  out.headers = blob_.headers;
  if (!blob_.content_md5.empty()) out.headers.push_back({"x-ms-blob-content-md5", blob_.content_md5});
  out.headers.push_back({"Content-Type", "application/xml"});
  std::string list = "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>";
  for (const std::string& block : blocks_)
    list += "<Latest>" + block + "</Latest>";
  send(std::move(out), std::make_shared<const std::string>(list + "</BlockList>"), {},
       [this](common::HttpResponse& answer) { end(&answer, nullptr); });
}

void Upload::end(common::HttpResponse* answer, const azure::Failure* failure) {
  if (const Done done = std::exchange(done_, nullptr)) done(answer, failure);
}

void Upload::fail(const Error& error) {
  const azure::Failure failure = failure_of(error);
  end(nullptr, &failure);
}

}  // namespace cleat::blobstorage
