#include "deletion.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <stdexcept>

#include "common/base64.hpp"
#include "common/json_text.hpp"
#include "common/json_value.hpp"
#include "common/xml.hpp"

namespace cleat::s3 {
namespace {

constexpr std::size_t kMostKeys = 1000;

/// S3 asks for it. Nothing where OpenSSL does not offer MD5.
std::optional<std::string> md5(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (::EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, ::EVP_md5(), nullptr) != 1)
    return std::nullopt;
  return common::base64({reinterpret_cast<const char*>(digest.data()), length});
}

}  // namespace

std::vector<std::string> keys_to_delete(std::string_view data) {
  common::JsonValue asked;
  try {
    asked = common::parse_json(data);
  } catch (const std::invalid_argument& error) {
    throw Error(CLEAT_INVALID,
                std::string("s3 binding error: the data of bulkDelete is no JSON: ") + error.what());
  }
  const common::JsonValue* const keys = asked.find("keys");
  std::vector<std::string> out;
  std::set<std::string> seen;
  if (keys != nullptr) {
    for (const common::JsonValue& key : keys->items) {
      if (key.kind != common::JsonValue::Kind::text || key.text.empty())
        throw Error(CLEAT_INVALID, "s3 binding error: bulkDelete: keys: expected texts that are not empty");
      if (seen.insert(key.text).second) out.push_back(key.text);
    }
  }
  if (out.empty()) throw Error(CLEAT_INVALID, "s3 binding error: bulkDelete requires at least one key");
  return out;
}

Deletion::Deletion(Bucket& bucket, WorkPtr work, std::vector<std::string> keys, Done done)
    : bucket_(bucket), work_(std::move(work)), keys_(std::move(keys)), done_(std::move(done)) {}

void Deletion::next() {
  if (at_ == keys_.size()) return finish();
  const std::size_t end = std::min(at_ + kMostKeys, keys_.size());
  aws::ServiceRequest out = bucket_.request("S3 DeleteObjects", "POST", {}, {{"delete", ""}});
  // Quiet: only what went wrong is listed.
  out.body = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>";
  bool is_empty = true;
  for (std::size_t i = at_; i < end; ++i) {
    if (!common::is_xml_text(keys_[i])) {
      errors_[keys_[i]] = "the key has characters that a request for several does not carry: expected delete";
      continue;
    }
    out.body += "<Object><Key>";
    common::append_xml_text(out.body, keys_[i]);
    out.body += "</Key></Object>";
    is_empty = false;
  }
  out.body += "</Delete>";
  if (is_empty) {
    at_ = end;
    return next();
  }
  out.headers = {{"Content-Type", "application/xml"}};
  if (auto digest = md5(out.body)) out.headers.push_back({"Content-MD5", *std::move(digest)});
  bucket_.send(work_, std::move(out),
               [self = shared_from_this(), end](common::HttpResponse* answer, const aws::Failure* failure) {
                 if (failure == nullptr) return self->answered(end, answer->body);
                 if (self->at_ == 0) return self->done_(nullptr, failure);
                 for (; self->at_ < self->keys_.size(); ++self->at_)
                   self->errors_[self->keys_[self->at_]] = failure->text;
                 self->finish();
               });
}

void Deletion::answered(std::size_t end, const std::string& xml) {
  const auto result = common::parse_xml(xml);
  const bool is_one = result && result->name == "DeleteResult";
  if (is_one) {
    for (const common::XmlNode& each : result->children) {
      if (each.name == "Error")
        errors_[each.text_of("Key")] = each.text_of("Code") + ": " + each.text_of("Message");
    }
  } else {
    for (std::size_t i = at_; i < end; ++i)
      errors_[keys_[i]] = "S3 DeleteObjects: the answer is not what was expected";
  }
  at_ = end;
  next();
}

void Deletion::finish() {
  std::string out = "[";
  for (const std::string& key : keys_) {
    out += (out.size() > 1 ? ",{\"key\":" : "{\"key\":") + common::json_string(key);
    if (const auto found = errors_.find(key); found != errors_.end())
      out += ",\"error\":" + common::json_string(found->second);
    out += '}';
  }
  out += ']';
  done_(&out, nullptr);
}

}  // namespace cleat::s3
