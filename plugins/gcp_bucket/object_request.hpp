#pragma once

#include <cleat/plugin.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bucket_config.hpp"
#include "common/google/client.hpp"
#include "common/json_value.hpp"

namespace cleat::bucket {

using Query = std::vector<std::pair<std::string, std::string>>;

/// What create writes.
struct NewObject {
  std::string key;
  bool is_named = false;     ///< by the request: otherwise another call would be another object
  std::string content_type;  ///< not empty
  std::string resource;      ///< JSON of what an object has beside its bytes; empty if that is its type only
  Query conditions;
  std::string owned;  ///< the bytes, if they are not those of the request
  std::string_view data;
};

/// Throws Error for what cannot be an object. `data` is in the request or in the result, which is not to be moved then.
void read_new_object(const Request& request, const BucketConfig& config, NewObject& out);

/// The entry name, or else key. Throws Error with Dapr's words without either.
std::string key_of(const Request& request);

/// The request's entry of this name as Dapr's bool, or `otherwise` if there is none.
bool flag_of(const Request& request, const char* name, bool otherwise);

/// ifGenerationMatch and its three kin: what else the request makes its condition. Throws Error for what is no number.
Query conditions_of(const Request& request);

/// The data of `operation`, a JSON object; nothing of it if it is empty. Throws Error that names the operation. What it points
/// to is in the request.
common::JsonValue object_of(const Request& request, const char* operation);
/// A member of such data in any case; empty without it. Throws Error if it is no text.
std::string text_in(const common::JsonValue& asked, const char* name, const char* operation);
/// Throws Error that says so of the data of `operation`.
[[noreturn]] void refuse_data(const char* operation, const std::string& why);

/// Of the JSON API, encoded: ".../storage/v1/b/BUCKET/o", and behind that "/KEY".
std::string objects_url(const BucketConfig& config, std::string_view bucket);
std::string object_url(const BucketConfig& config, std::string_view bucket, std::string_view key);

/// A request that may go out twice, with the call's tag and deadline.
google::ServiceRequest request_of(const Request& request, const char* what, const char* method,
                                  std::string url);

constexpr const char* kErrorPrefix = "gcp bucket binding error: ";

}  // namespace cleat::bucket
