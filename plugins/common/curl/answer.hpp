#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/curl/loop.hpp"

namespace cleat::common {

/// The value of the first header of this name, or nothing.
std::string header_of(const HttpResponse& answer, std::string_view name);

/// Whether a header's name begins with `beginning`, in any case.
bool has_header_like(const HttpResponse& answer, std::string_view beginning);

/// How long the server asks to wait (Retry-After in seconds), one hour at most; 0: it does not say.
std::uint32_t retry_after_ms(const HttpResponse& answer);

/// Why a service did not do what was asked.
struct ServiceFailure {
  cleat_status status = CLEAT_REMOTE;
  bool is_retryable = false;  ///< certainly not carried out, or once more does no harm
  std::uint32_t retry_after_ms = 0;
  int http_status = 0;  ///< 0: no answer came
  std::string code;     ///< the service's own word for it
  std::string text;     ///< for people, without secrets
};

/// No answer, or half of one. `what` names the request in front of the text, `subject` what had been sent in a sentence
/// behind it: "the request". `may_run_twice`: the request does no harm if it had been carried out.
ServiceFailure failure_of(const TransferFailure& failure, std::string_view what, std::string_view subject,
                          bool may_run_twice);

/// What an answer to a ping means, null being a good one: nothing if the service was there, and it was for who may not ask.
std::optional<Error> trouble_of(const ServiceFailure* failure);

/// Ends the call with it.
void fail(Call& call, const ServiceFailure& failure) noexcept;

}  // namespace cleat::common
