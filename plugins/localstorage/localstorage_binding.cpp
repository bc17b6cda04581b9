#include "localstorage_binding.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <random>

#include "common/base64.hpp"
#include "common/json_text.hpp"
#include "common/text.hpp"
#include "common/unquote.hpp"
#include "root_path.hpp"

namespace cleat::localstorage {
namespace {

constexpr std::string_view kJson = "application/json";

/// As Dapr reads a switch of a request: what is not one of these is off.
bool is_on(const Request& request, std::string_view name, bool otherwise) {
  constexpr std::array<std::string_view, 6> kOn{"y", "yes", "true", "t", "on", "1"};
  const auto text = request.metadata(name);
  if (!text || text->empty()) return otherwise;
  const std::string word = common::lower(common::trimmed(*text));
  return std::find(kOn.begin(), kOn.end(), word) != kOn.end();
}

std::uint64_t number(const Request& request, std::string_view name, std::uint64_t otherwise) {
  const auto text = request.metadata(name);
  if (!text || text->empty()) return otherwise;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) {
    throw Error(CLEAT_INVALID,
                std::string(name) + ": expected a number of bytes, found '" + std::string(*text) + "'");
  }
  return value;
}

/// A random UUID, version 4.
std::string new_name() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  const std::uint64_t high = (random() & ~0xF000ULL) | 0x4000ULL,
                      low = (random() & ~(3ULL << 62U)) | (1ULL << 63U);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%08llx-%04llx-%04llx-%04llx-%012llx",
                static_cast<unsigned long long>(high >> 32U),
                static_cast<unsigned long long>(high >> 16U & 0xFFFFU),
                static_cast<unsigned long long>(high & 0xFFFFU), static_cast<unsigned long long>(low >> 48U),
                static_cast<unsigned long long>(low & 0xFFFFFFFFFFFFULL));
  return text.data();
}

std::string name_of(const Request& request) {
  return std::string(request.metadata("fileName").value_or(""));
}

}  // namespace

void LocalStorageBinding::init(const Config& config) {
  root_path_ = absolute_root(std::string(config.text("rootPath")));
  decode_ = config.boolean("decodeBase64");
  encode_ = config.boolean("encodeBase64");
  max_bytes_ = config.size("maxFileSize");
  const std::int64_t listed = config.integer("maxListedFiles", 100'000);
  if (listed < 1) {
    throw Error(CLEAT_INVALID,
                "maxListedFiles: expected a number of files from 1 on, found " + std::to_string(listed));
  }
  max_listed_ = static_cast<std::size_t>(listed);
  strict_dapr_ = config.fact("strict-dapr") == "true";
}

void LocalStorageBinding::start(Deadline /*deadline*/) {
  folder_.emplace(root_path_);
}

void LocalStorageBinding::ping(Deadline /*deadline*/) {
  folder_->check();
}

void LocalStorageBinding::invoke(const Request& request, Call&& call) {
  const std::string_view operation = request.operation();
  if (operation == "create") {
    create(request, call);
  } else if (operation == "get") {
    get(request, call);
  } else if (operation == "delete") {
    remove(request, call);
  } else if (operation == "list") {
    list(request, call);
  } else {
    throw Error(CLEAT_UNSUPPORTED, "unsupported operation " + std::string(operation));
  }
}

std::string LocalStorageBinding::payload(const Request& request) const {
  if (strict_dapr_) {
    const std::string text = common::go_unquoted(request.data()).value_or(std::string(request.data()));
    return common::from_base64(text).value_or(text);
  }
  std::string text = common::unquoted(request.data()).value_or(std::string(request.data()));
  if (!is_on(request, "decodeBase64", decode_)) return text;
  auto bytes = common::from_base64(text);
  if (!bytes)
    throw Error(CLEAT_INVALID, "data: expected base64, because decodeBase64 is on, found something else");
  return *std::move(bytes);
}

void LocalStorageBinding::create(const Request& request, Call& call) const {
  std::string name = cleaned(name_of(request));
  if (name.empty()) name = new_name();
  const std::string bytes = payload(request);
  if (max_bytes_ != 0 && bytes.size() > max_bytes_) {
    throw Error(CLEAT_TOO_LARGE, "data: " + std::to_string(bytes.size()) + " bytes, allowed are " +
                                     std::to_string(max_bytes_) + " (maxFileSize)");
  }
  folder_->write(name, bytes);
  call.complete({Buffer::of("{\"fileName\":" + common::json_string(name) + "}"), std::string(kJson), {}});
}

void LocalStorageBinding::get(const Request& request, Call& call) const {
  const bool is_part = request.metadata("offset") || request.metadata("length");
  Content content = folder_->read(
      name_of(request), {number(request, "offset", 0), number(request, "length", UINT64_MAX), max_bytes_});
  if (is_on(request, "encodeBase64", encode_)) content.bytes = common::base64(content.bytes);
  Response response{Buffer::of(std::move(content.bytes)), "", {}};
  if (is_part) response.metadata.emplace_back("fileSize", std::to_string(content.file_size));
  call.complete(std::move(response));
}

void LocalStorageBinding::remove(const Request& request, Call& call) const {
  folder_->remove(name_of(request));
  call.complete();
}

void LocalStorageBinding::list(const Request& request, Call& call) const {
  const std::vector<std::string> files = folder_->list(name_of(request), max_listed_);
  std::string out = "[";
  for (const std::string& file : files) {
    if (out.size() > 1) out += ',';
    common::append_json_string(out, strict_dapr_ ? folder_->path() + "/" + file : file);
  }
  out += ']';
  if (strict_dapr_ && files.empty()) out = "null";
  call.complete({Buffer::of(std::move(out)), std::string(kJson), {}});
}

}  // namespace cleat::localstorage
