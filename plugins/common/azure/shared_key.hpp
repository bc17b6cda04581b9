#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/curl/loop.hpp"
#include "common/curl/service_request.hpp"

namespace cleat::azure {

/// The version of the service's interface that requests and signatures are made for.
inline constexpr const char* kServiceVersion = "2021-12-02";

/// Whole seconds: Azure's "never" is the end of the year 9999, which nanoseconds do not reach.
using WallTime = std::chrono::sys_seconds;

using Query = common::ServiceRequest::Query;

/// What a signature of a request covers.
struct Signed {
  std::string_view method;
  std::string_view path;         ///< of the URL, encoded
  const Query* query = nullptr;  ///< not encoded
  const std::vector<common::HttpHeader>* headers = nullptr;
  std::size_t content_length = 0;
};

/// The text that SharedKey signs ("Authorize with Shared Key": the scheme of blobs and queues from 2015-02-21 on).
std::string string_to_sign(std::string_view account, const Signed& request);

/// HMAC-SHA256 in base64. `key`: the bytes of an account's key.
std::string hmac(std::string_view key, std::string_view text);

/// The query of an URL by which anybody may read one blob until `until` ("Create a service SAS").
std::string read_sas(std::string_view account, std::string_view key, std::string_view container,
                     std::string_view blob, WallTime until);

/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(WallTime at);

/// Nothing if it is none of those.
std::optional<WallTime> from_http_date(const std::string& text);

/// "1994-11-06T08:49:37Z"
std::string iso_date(WallTime at);

}  // namespace cleat::azure
