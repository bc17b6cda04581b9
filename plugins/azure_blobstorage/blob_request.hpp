#pragma once

#include <cleat/plugin.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blob_config.hpp"
#include "common/azure/client.hpp"

namespace cleat::blobstorage {

/// What create writes.
struct NewBlob {
  std::string name;
  std::optional<std::chrono::seconds> sign_for;  ///< the answer has an URL that is good for so long
  std::vector<common::HttpHeader> headers;       ///< type, encoding and the like, and metadata
  std::string content_md5;                       ///< of the bytes, to be checked, in base64
  std::string owned;                             ///< the bytes, if they are not those of the request
  std::string_view data;
};

/// Throws Error for what cannot be a blob. `data` is in the request or in the result, which is not to be moved then.
void read_new_blob(const Request& request, const BlobConfig& config, NewBlob& out);

/// The entry blobName. Throws Error with Dapr's words without it.
std::string blob_name(const Request& request);

/// The entry signTTL; nothing without it. Throws Error for what is no time above zero.
std::optional<std::chrono::seconds> sign_ttl(const Request& request);

/// Of a text what a header may have.
std::string printable(std::string_view text);

/// `how` in lower case: "", "include" or "only". Throws Error for anything else.
std::string delete_snapshots(std::string_view how);

/// With what Dapr says of a blob that is not there, and the field of a bound that was met.
azure::Failure in_words_of_dapr(azure::Failure failure);

/// What a file or the data of a call is to blame for.
azure::Failure failure_of(const Error& error);

/// "/container/blob", encoded.
std::string path_of(const BlobConfig& config, std::string_view blob);

/// The blob's address with a signature to read it. Throws Error without the key of the account.
std::string presigned(const BlobConfig& config, const std::string& blob, std::chrono::seconds how_long);

/// What create answers; `presigned_url` may be empty.
Response answer_of_create(const BlobConfig& config, const std::string& name, const std::string& presigned_url,
                          const common::HttpResponse& answer);

/// What get answers of a blob beside its bytes.
Response answer_of_get(common::HttpResponse& answer, bool with_metadata);

}  // namespace cleat::blobstorage
