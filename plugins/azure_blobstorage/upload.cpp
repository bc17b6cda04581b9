#include "upload.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "common/base64.hpp"
#include "common/json_text.hpp"
#include "common/url.hpp"
#include "common/xml.hpp"

namespace cleat::blobstorage {
namespace {

constexpr std::size_t kMostBlocks = 50'000;

std::string md5(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (::EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, ::EVP_md5(), nullptr) != 1)
    throw Error(CLEAT_UNSUPPORTED, "metadata 'contentMD5': this machine's OpenSSL does not offer MD5");
  return common::base64({reinterpret_cast<const char*>(digest.data()), length});
}

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

Upload::Upload(azure::Place& container, const BlobConfig& config, const Request& request)
    : container_(container),
      config_(config),
      tag_(request.id()),
      deadline_ns_(request.deadline().at_ns),
      block_prefix_(random_prefix()),
      call_(Host(nullptr), nullptr) {
  read_new_blob(request, config, blob_);
  if (!blob_.content_md5.empty() && md5(blob_.data) != blob_.content_md5) {
    throw Error(
        CLEAT_INVALID,
        "Md5Mismatch: the MD5 value specified in the request did not match the data: check contentMD5");
  }
  if (blob_.sign_for) presigned_ = presigned(config, blob_.name, *blob_.sign_for);
  if (blob_.data.size() / config.block_bytes >= kMostBlocks)
    throw Error(CLEAT_TOO_LARGE, "a blob has at most 50000 blocks: expected a larger blockSize or less data");
}

void Upload::begin(Call&& call) {
  call_ = std::move(call);
  if (blob_.data.size() <= config_.block_bytes) {
    put_blob();
  } else {
    put_block();
  }
}

azure::ServiceRequest Upload::request(const char* what) const {
  azure::ServiceRequest out;
  out.what = what;
  out.method = "PUT";
  out.path = "/" + common::encoded_path(blob_.name, true);
  // The same bytes under the same name: twice is as good as once.
  out.may_run_twice = true;
  out.done_status = 201;
  out.tag = tag_;
  out.deadline_ns = deadline_ns_;
  return out;
}

void Upload::put_blob() {
  azure::ServiceRequest out = request("Put Blob");
  out.headers = blob_.headers;
  out.headers.push_back({"x-ms-blob-type", "BlockBlob"});
  if (!blob_.content_md5.empty()) out.headers.push_back({"x-ms-blob-content-md5", blob_.content_md5});
  out.borrowed_body = blob_.data;
  container_.ask(std::move(out),
                 [self = shared_from_this()](common::HttpResponse* answer, const azure::Failure* failure) {
                   failure != nullptr ? common::fail(self->call_, *failure) : self->done(*answer);
                 });
}

void Upload::put_block() {
  const std::size_t from = blocks_.size() * config_.block_bytes;
  if (from >= blob_.data.size()) return put_block_list();
  blocks_.push_back(block_id(block_prefix_, blocks_.size()));
  azure::ServiceRequest out = request("Put Block");
  out.query = {{"comp", "block"}, {"blockid", blocks_.back()}};
  out.borrowed_body = blob_.data.substr(from, config_.block_bytes);
  container_.ask(std::move(out),
                 [self = shared_from_this()](common::HttpResponse*, const azure::Failure* failure) {
                   failure != nullptr ? common::fail(self->call_, *failure) : self->put_block();
                 });
}

void Upload::put_block_list() {
  azure::ServiceRequest out = request("Put Block List");
  out.query = {{"comp", "blocklist"}};
  out.headers = blob_.headers;
  if (!blob_.content_md5.empty()) out.headers.push_back({"x-ms-blob-content-md5", blob_.content_md5});
  out.headers.push_back({"Content-Type", "application/xml"});
  out.body = "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>";
  for (const std::string& block : blocks_)
    out.body += "<Latest>" + block + "</Latest>";
  out.body += "</BlockList>";
  container_.ask(std::move(out),
                 [self = shared_from_this()](common::HttpResponse* answer, const azure::Failure* failure) {
                   failure != nullptr ? common::fail(self->call_, *failure) : self->done(*answer);
                 });
}

void Upload::done(const common::HttpResponse& answer) {
  const std::string url = config_.account.url + path_of(config_, blob_.name);
  std::string body =
      "{\"blobURL\":" + common::json_string(url) + ",\"blobName\":" + common::json_string(blob_.name);
  if (!presigned_.empty()) body += ",\"presignURL\":" + common::json_string(presigned_);
  body += "}";
  call_.complete({Buffer::of(std::move(body)),
                  "application/json",
                  {{"blobName", blob_.name}, {"ETag", common::header_of(answer, "etag")}}});
}

}  // namespace cleat::blobstorage
