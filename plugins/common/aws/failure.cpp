#include "common/aws/failure.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "common/json_value.hpp"
#include "common/text.hpp"

namespace cleat::aws {
namespace {

using common::header_of;
using Remedy = Failure::Remedy;

constexpr std::size_t kLongestText = 500;

struct Known {
  std::string_view code;
  cleat_status status;
  bool is_retryable;
  Remedy remedy = Remedy::none;
};
/// Codes of all services; what is not here is judged by the HTTP status.
constexpr std::array kKnown{
    Known{"Throttling", CLEAT_THROTTLED, true},
    Known{"ThrottlingException", CLEAT_THROTTLED, true},
    Known{"ThrottledException", CLEAT_THROTTLED, true},
    Known{"Throttled", CLEAT_THROTTLED, true},
    Known{"RequestThrottled", CLEAT_THROTTLED, true},
    Known{"RequestThrottledException", CLEAT_THROTTLED, true},
    Known{"TooManyRequestsException", CLEAT_THROTTLED, true},
    Known{"RequestLimitExceeded", CLEAT_THROTTLED, true},
    Known{"BandwidthLimitExceeded", CLEAT_THROTTLED, true},
    Known{"KmsThrottled", CLEAT_THROTTLED, true},
    Known{"KMSThrottling", CLEAT_THROTTLED, true},
    Known{"OverLimit", CLEAT_THROTTLED, true},
    Known{"SlowDown", CLEAT_THROTTLED, true},
    Known{"ServiceUnavailable", CLEAT_UNAVAILABLE, true},
    Known{"ExpiredToken", CLEAT_UNAUTHENTICATED, true, Remedy::new_keys},
    Known{"ExpiredTokenException", CLEAT_UNAUTHENTICATED, true, Remedy::new_keys},
    Known{"TokenRefreshRequired", CLEAT_UNAUTHENTICATED, true, Remedy::new_keys},
    Known{"InvalidClientTokenId", CLEAT_UNAUTHENTICATED, false, Remedy::new_keys},
    Known{"UnrecognizedClientException", CLEAT_UNAUTHENTICATED, false, Remedy::new_keys},
    Known{"InvalidAccessKeyId", CLEAT_UNAUTHENTICATED, false, Remedy::new_keys},
    Known{"InvalidToken", CLEAT_UNAUTHENTICATED, false, Remedy::new_keys},
    Known{"InvalidSecurity", CLEAT_UNAUTHENTICATED, false, Remedy::new_keys},
    Known{"AuthFailure", CLEAT_UNAUTHENTICATED, false, Remedy::new_keys},
    Known{"SignatureDoesNotMatch", CLEAT_UNAUTHENTICATED, false, Remedy::new_keys},
    Known{"InvalidSignatureException", CLEAT_UNAUTHENTICATED, false, Remedy::new_keys},
    Known{"IncompleteSignature", CLEAT_UNAUTHENTICATED, false},
    Known{"MissingAuthenticationToken", CLEAT_UNAUTHENTICATED, false},
    Known{"RequestTimeTooSkewed", CLEAT_UNAUTHENTICATED, true, Remedy::new_clock},
    Known{"RequestExpired", CLEAT_UNAUTHENTICATED, true, Remedy::new_clock},
    Known{"RequestInTheFuture", CLEAT_UNAUTHENTICATED, true, Remedy::new_clock},
    Known{"AccessDenied", CLEAT_DENIED, false},
    Known{"AccessDeniedException", CLEAT_DENIED, false},
    Known{"AuthorizationError", CLEAT_DENIED, false},
    Known{"OptInRequired", CLEAT_DENIED, false},
    Known{"QueueDoesNotExist", CLEAT_NOT_FOUND, false},
    Known{"NonExistentQueue", CLEAT_NOT_FOUND, false},
    Known{"NotFound", CLEAT_NOT_FOUND, false},
    Known{"NotFoundException", CLEAT_NOT_FOUND, false},
    Known{"NoSuchBucket", CLEAT_NOT_FOUND, false},
    Known{"NoSuchKey", CLEAT_NOT_FOUND, false},
    Known{"BatchRequestTooLong", CLEAT_TOO_LARGE, false},
    Known{"EntityTooLarge", CLEAT_TOO_LARGE, false}};

cleat_status status_of(int http_status) {
  switch (http_status) {
    case 401:
      return CLEAT_UNAUTHENTICATED;
    case 403:
      return CLEAT_DENIED;
    case 404:
      return CLEAT_NOT_FOUND;
    case 409:
    case 412:
      return CLEAT_CONFLICT;
    case 413:
      return CLEAT_TOO_LARGE;
    case 429:
      return CLEAT_THROTTLED;
    case 503:
      return CLEAT_UNAVAILABLE;
    default:
      return http_status / 100 == 4 ? CLEAT_INVALID : CLEAT_REMOTE;
  }
}

/// "com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "NoSuchKey:http://...": the name.
std::string plain_code(std::string_view code) {
  if (const std::size_t end = code.find(':'); end != std::string_view::npos) code = code.substr(0, end);
  if (const std::size_t at = code.find_last_of("#."); at != std::string_view::npos)
    code.remove_prefix(at + 1);
  return std::string(code);
}

std::string text_of(const common::JsonValue& object, std::string_view name) {
  const common::JsonValue* member = object.find(name);
  return member != nullptr ? member->text : std::string();
}

std::pair<std::string, std::string> code_and_message(const common::HttpResponse& answer) {
  const std::string_view body = common::trimmed(answer.body);
  if (!body.empty() && body[0] == '<') return {xml_text(body, "Code"), xml_text(body, "Message")};
  std::string code = header_of(answer, "x-amzn-errortype"), message;
  try {
    const common::JsonValue json = common::parse_json(body);
    if (std::string type = text_of(json, "__type"); !type.empty()) code = std::move(type);
    message = text_of(json, "message");
    if (message.empty()) message = text_of(json, "Message");
  } catch (const std::invalid_argument&) {
    // Not AWS's own answer: the HTTP status says enough.
  }
  return {code, message};
}

/// AWS shows what it would have signed, session token included: of that nothing, and of the rest one line.
std::string clean(std::string message, const Keys& keys) {
  common::cut_out(message, keys.secret);
  common::cut_out(message, keys.token);
  const std::size_t end = std::min({message.find_first_of("\r\n"), message.find("The Canonical String"),
                                    message.find("The String-to-Sign"), kLongestText});
  if (end < message.size()) message.resize(end);
  return std::string(common::trimmed(message));
}

}  // namespace

std::string xml_text(std::string_view xml, std::string_view name) {
  const std::string open = "<" + std::string(name) + ">", close = "</" + std::string(name) + ">";
  const std::size_t begin = xml.find(open);
  const std::size_t end = begin == std::string_view::npos ? begin : xml.find(close, begin + open.size());
  if (end == std::string_view::npos) return {};
  const std::string_view raw = xml.substr(begin + open.size(), end - begin - open.size());
  constexpr std::array<std::pair<std::string_view, char>, 5> kEntities{
      {{"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}}};
  std::string out;
  for (std::size_t at = 0; at < raw.size();) {
    const auto* const found = std::find_if(kEntities.begin(), kEntities.end(), [&](const auto& each) {
      return raw.compare(at, each.first.size(), each.first) == 0;
    });
    out += found != kEntities.end() ? found->second : raw[at];
    at += found != kEntities.end() ? found->first.size() : 1;
  }
  return out;
}

std::string request_id_of(const common::HttpResponse& answer) {
  for (const char* name : {"x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"}) {
    if (std::string id = header_of(answer, name); !id.empty()) return id;
  }
  std::string id = xml_text(answer.body, "RequestId");
  return id.size() <= kLongestText ? id : std::string();
}

Failure meaning_of(std::string_view code, int http_status, bool may_run_twice) {
  Failure out;
  out.code = plain_code(code);
  out.http_status = http_status;
  const auto* const known =
      std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& each) { return each.code == out.code; });
  if (known != kKnown.end()) {
    out.status = known->status;
    out.is_retryable = known->is_retryable;
    out.remedy = known->remedy;
    return out;
  }
  out.status = status_of(http_status);
  out.is_retryable =
      http_status == 429 || http_status == 503 || (may_run_twice && http_status >= 500 && http_status != 501);
  return out;
}

Failure failure_of(const common::HttpResponse& answer, std::string_view what, bool may_run_twice,
                   const Keys& keys) {
  const auto [code, message] = code_and_message(answer);
  Failure out = meaning_of(code, answer.status, may_run_twice);
  out.retry_after_ms = common::retry_after_ms(answer);
  // Without a code of its own: "Signature expired: 20261128T... is now earlier than ..."
  if (message.find("Signature expired") != std::string::npos ||
      message.find("Signature not yet current") != std::string::npos) {
    out.remedy = Remedy::new_clock;
    out.is_retryable = true;
  }
  out.text =
      std::string(what) + ": " + (out.code.empty() ? "HTTP " + std::to_string(answer.status) : out.code);
  if (const std::string cleaned = clean(message, keys); !cleaned.empty()) out.text += ": " + cleaned;
  if (answer.status / 100 == 3)
    out.text += ": the address sends elsewhere, which is not followed: check region and endpoint";
  const std::string id = request_id_of(answer);
  if (!id.empty()) out.text += " (request id " + id + ")";
  return out;
}

Failure failure_of(const common::TransferFailure& failure, std::string_view what, bool may_run_twice) {
  return {common::failure_of(failure, what, "the request", may_run_twice)};
}

}  // namespace cleat::aws
