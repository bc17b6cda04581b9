#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/curl/answer.hpp"
#include "common/curl/loop.hpp"

namespace cleat::common {

/// One request to a service with an HTTP interface; who sends it knows the address and how to be let in.
struct ServiceRequest {
  using Query = std::vector<std::pair<std::string, std::string>>;

  std::string what;  ///< for people: "Put Message", "storage.objects.get"
  std::string method = "GET";
  Query query;  ///< not encoded
  std::vector<HttpHeader> headers;
  std::string body;
  std::string_view borrowed_body;  ///< in place of `body`: stays until the request has ended
  bool may_run_twice = false;
  std::uint64_t tag = 0;  ///< as in HttpRequest
  std::uint64_t deadline_ns = 0;
  std::uint64_t max_response_bytes = std::uint64_t{64} << 20U;
  std::function<void()> on_begin;  ///< as in HttpRequest
};

/// As it goes out, to `url` with the query behind it. A body without a type gets that of plain bytes. It refers to the
/// request's bytes.
HttpRequest http_request_of(const ServiceRequest& request, std::string url);

/// What the body of an answer that is an error says of itself.
struct Refusal {
  std::string code, message;  ///< the service's own words; of the message the first line counts
  std::string request_id;     ///< as the service has it in its logs
  /// What the request had to show: a service may say it back.
  std::vector<std::string> secrets;
};

/// What an answer that is an error means, by its status: 429, 503 and what nobody knows are worth another attempt, the last
/// only if `may_run_twice`. The text holds none of the refusal's secrets.
ServiceFailure failure_of(const HttpResponse& answer, const std::string& what, Refusal refusal,
                          bool may_run_twice);

}  // namespace cleat::common
