#include "upload.hpp"

#include <algorithm>
#include <utility>

#include "common/curl/answer.hpp"
#include "common/xml.hpp"

namespace cleat::s3 {
namespace {

constexpr std::uint64_t kMostParts = 10'000;
constexpr std::size_t kPartsAtOnce = 4;

/// An answer of 200 that holds an error: it had begun before the outcome was known.
aws::Failure error_inside(const common::XmlNode& error, const common::HttpResponse& answer) {
  aws::Failure out = aws::meaning_of(error.text_of("Code"), 500, true);
  out.text = "S3 CompleteMultipartUpload: " + out.code + ": " + error.text_of("Message").substr(0, 300);
  const std::string id = aws::request_id_of(answer);
  if (!id.empty()) out.text += " (request id " + id + ")";
  return out;
}

}  // namespace

Upload::Upload(Bucket& bucket, const common::FileWork& files, WorkPtr work, NewObject object, Done done)
    : bucket_(bucket),
      files_(files),
      work_(std::move(work)),
      object_(std::move(object)),
      done_(std::move(done)) {}

void Upload::begin() {
  if (object_.file_path.empty()) return begin_with(object_.bytes().size());
  open();
}

void Upload::open() {
  is_opening_ = true;
  const S3Config& config = bucket_.config();
  using FilePtr = std::shared_ptr<const common::File>;
  const bool decode = object_.decode;
  files_.run<std::pair<FilePtr, std::string>>(
      [place = config.files, path = object_.file_path, decode, most = config.max_object_bytes] {
        auto file = std::make_shared<const common::File>(place, path);
        std::string bytes;
        if (decode) {
          // All at once: it has to be whole to be checked.
          if (most != 0 && file->size() > most)
            throw Error(CLEAT_TOO_LARGE, "a file of base64 is at most as large as maxObjectSize");
          bytes = decoded(file->read(0, file->size()));
        }
        return std::pair<FilePtr, std::string>(std::move(file), std::move(bytes));
      },
      [self = shared_from_this(), decode](std::pair<FilePtr, std::string>* opened, const Error* error) {
        if (self->is_over_) return;
        if (error != nullptr) return self->fail(failure_of(*error));
        self->file_ = std::move(opened->first);
        self->is_opening_ = false;
        if (decode) self->object_.owned = std::move(opened->second);
        self->begin_with(decode ? self->object_.bytes().size() : self->file_->size());
      });
}

void Upload::begin_with(std::uint64_t size) {
  size_ = size;
  part_bytes_ = std::max(bucket_.config().part_bytes, (size + kMostParts - 1) / kMostParts);
  if (size <= part_bytes_) {
    return read(0, size, [self = shared_from_this()](std::string_view bytes) { self->put(bytes); });
  }
  etags_.resize((size + part_bytes_ - 1) / part_bytes_);
  create_parts();
}

/// `then` gets bytes that stay until the upload is over, or, of a file, until it returns.
void Upload::read(std::uint64_t from, std::uint64_t count, std::function<void(std::string_view)> then) {
  if (!file_ || object_.owned) return then(object_.bytes().substr(from, count));
  files_.run<std::string>(
      [file = file_, from, count] { return file->read(from, count); },
      [self = shared_from_this(), then = std::move(then)](const std::string* bytes, const Error* error) {
        if (error == nullptr) return then(*bytes);
        if (self->out_ > 0) --self->out_;
        self->fail(failure_of(*error));
      });
}

void Upload::put(std::string_view bytes) {
  if (is_over_) return;
  aws::ServiceRequest out = bucket_.request("S3 PutObject", "PUT", object_.key);
  out.headers = object_.headers;
  if (is_of_file()) {
    out.body = bytes;
  } else {
    out.borrowed_body = bytes;
  }
  bucket_.send(work_, std::move(out),
               [self = shared_from_this()](common::HttpResponse* answer, const aws::Failure* failure) {
                 if (failure != nullptr) return self->end(nullptr, failure);
                 const Stored stored{common::header_of(*answer, "etag"),
                                     common::header_of(*answer, "x-amz-version-id")};
                 // A success by its number only: a proxy's page, for one.
                 if (stored.etag.empty()) return self->fail(unexpected("S3 PutObject"));
                 self->end(&stored, nullptr);
               });
}

void Upload::create_parts() {
  aws::ServiceRequest out =
      bucket_.request("S3 CreateMultipartUpload", "POST", object_.key, {{"uploads", ""}});
  out.headers = object_.headers;
  bucket_.send(work_, std::move(out),
               [self = shared_from_this()](common::HttpResponse* answer, const aws::Failure* failure) {
                 if (failure != nullptr) return self->end(nullptr, failure);
                 const auto xml = common::parse_xml(answer->body);
                 if (xml) self->upload_id_ = xml->text_of("UploadId");
                 if (self->is_over_) return self->abort_parts();
                 if (self->upload_id_.empty()) return self->fail(unexpected("S3 CreateMultipartUpload"));
                 self->next();
               });
}

/// Begins with what may be begun with, and ends what has nothing left to wait for.
void Upload::next() {
  if (is_over_) return;
  if (work_->is_cancelled && !why_) why_ = cancelled("S3 UploadPart");
  while (!why_ && next_ < etags_.size() && out_ < kPartsAtOnce) {
    const std::size_t index = next_++;
    ++out_;
    const std::uint64_t from = index * part_bytes_;
    read(from, std::min(part_bytes_, size_ - from),
         [self = shared_from_this(), index](std::string_view bytes) { self->send_part(index, bytes); });
  }
  // The bytes are those of the call: it is not over before the last transfer of them is.
  if (out_ > 0) return;
  if (why_) return end(nullptr, &*why_);
  complete_parts();
}

void Upload::send_part(std::size_t index, std::string_view bytes) {
  if (is_over_) return;
  if (why_) {
    --out_;
    return next();
  }
  aws::ServiceRequest out =
      bucket_.request("S3 UploadPart", "PUT", object_.key,
                      {{"partNumber", std::to_string(index + 1)}, {"uploadId", upload_id_}});
  out.headers = {{"Content-Type", "binary/octet-stream"}};
  if (is_of_file()) {
    out.body = bytes;
  } else {
    out.borrowed_body = bytes;
  }
  const auto tag = std::make_shared<std::uint64_t>(0);
  const auto sent = [self = shared_from_this(), index, tag](common::HttpResponse* answer,
                                                            const aws::Failure* failure) {
    self->tags_.erase(*tag);
    --self->out_;
    if (failure != nullptr) return self->fail(*failure);
    self->etags_[index] = common::header_of(*answer, "etag");
    if (self->etags_[index].empty()) return self->fail(unexpected("S3 UploadPart"));
    self->next();
  };
  *tag = bucket_.send(work_, std::move(out), sent);
  if (*tag != 0) tags_.insert(*tag);
}

void Upload::complete_parts() {
  aws::ServiceRequest out =
      bucket_.request("S3 CompleteMultipartUpload", "POST", object_.key, {{"uploadId", upload_id_}});
  out.headers = {{"Content-Type", "application/xml"}};
  out.body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (std::size_t i = 0; i < etags_.size(); ++i) {
    out.body += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>";
    common::append_xml_text(out.body, etags_[i]);
    out.body += "</ETag></Part>";
  }
  out.body += "</CompleteMultipartUpload>";
  bucket_.send(work_, std::move(out),
               [self = shared_from_this()](common::HttpResponse* answer, const aws::Failure* failure) {
                 if (failure != nullptr) return self->end(nullptr, failure);
                 self->completed(*answer);
               });
}

void Upload::completed(const common::HttpResponse& answer) {
  const auto xml = common::parse_xml(answer.body);
  if (xml && xml->name == "Error") return fail(error_inside(*xml, answer));
  if (!xml || xml->name != "CompleteMultipartUploadResult")
    return fail(unexpected("S3 CompleteMultipartUpload"));
  upload_id_.clear();
  const Stored stored{xml->text_of("ETag"), common::header_of(answer, "x-amz-version-id")};
  end(&stored, nullptr);
}

void Upload::fail(const aws::Failure& failure) {
  if (!why_) why_ = failure;
  for (const std::uint64_t tag : tags_)
    bucket_.cancel(tag);
  if (is_over_ || out_ > 0) return;
  end(nullptr, &*why_);
}

void Upload::give_up(const aws::Failure& failure) {
  const bool is_borrowed = !is_of_file() && !object_.owned;
  if (is_over_ || is_borrowed) return;
  for (const std::uint64_t tag : tags_)
    bucket_.cancel(tag);
  end(nullptr, &failure);
}

void Upload::end(const Stored* stored, const aws::Failure* failure) {
  if (std::exchange(is_over_, true)) return;
  if (stored == nullptr) abort_parts();
  std::exchange(done_, nullptr)(stored, failure);
}

void Upload::abort_parts() {
  if (!upload_id_.empty()) bucket_.abort(object_.key, std::exchange(upload_id_, {}));
}

}  // namespace cleat::s3
