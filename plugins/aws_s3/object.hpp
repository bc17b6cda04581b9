#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/curl/loop.hpp"
#include "s3_config.hpp"

namespace cleat::s3 {

/// What create writes.
struct NewObject {
  std::string key;
  std::vector<common::HttpHeader> headers;  ///< type, tags and storage class
  std::string file_path;                    ///< of what to write; empty: the bytes below
  std::optional<std::string> owned;
  std::string_view borrowed;  ///< in place of `owned`: of the request
  bool decode = false;        ///< the file holds base64

  [[nodiscard]] std::string_view bytes() const { return owned ? std::string_view(*owned) : borrowed; }
};

/// The request's own word, or else that of the component.
bool is_on(const Request& request, std::string_view name, bool otherwise);
std::string text_of(const Request& request, std::string_view name, const std::string& otherwise);

/// Throws Error for what cannot be an object.
NewObject new_object(const Request& request, const S3Config& config);

/// The entry `key`. Throws Error with Dapr's words without it.
std::string key_of(const Request& request);

/// How long the URL that the request asks for is to be good; nothing if it asks for none.
std::optional<std::chrono::seconds> presign_ttl(const Request& request, const S3Config& config);

/// "a=1,b=2" as the header of S3 has it. Throws Error with Dapr's words.
std::string tagging_of(std::string_view tags);

/// `text` if it is base64. Throws Error if it is none.
std::string decoded(std::string_view text);

/// Adds the type unless it is empty, and what S3 takes without one.
void add_type(std::vector<common::HttpHeader>& to, std::string_view type);

}  // namespace cleat::s3
