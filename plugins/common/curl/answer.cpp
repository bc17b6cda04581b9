#include "common/curl/answer.hpp"

#include <algorithm>
#include <charconv>

#include "common/text.hpp"

namespace cleat::common {
namespace {

constexpr std::uint32_t kMostSeconds = 3600;

}  // namespace

std::string header_of(const HttpResponse& answer, std::string_view name) {
  const auto found = std::find_if(answer.headers.begin(), answer.headers.end(),
                                  [&](const auto& each) { return equal_ignoring_case(each.first, name); });
  return found != answer.headers.end() ? found->second : std::string();
}

bool has_header_like(const HttpResponse& answer, std::string_view beginning) {
  return std::any_of(answer.headers.begin(), answer.headers.end(), [&](const auto& each) {
    return equal_ignoring_case(std::string_view(each.first).substr(0, beginning.size()), beginning);
  });
}

std::uint32_t retry_after_ms(const HttpResponse& answer) {
  const std::string text = header_of(answer, "retry-after");
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  return is_number ? std::min(seconds, kMostSeconds) * 1000 : 0;
}

ServiceFailure failure_of(const TransferFailure& failure, std::string_view what, std::string_view subject,
                          bool may_run_twice) {
  using Kind = TransferFailure::Kind;
  ServiceFailure out;
  out.status = status_of(failure.kind);
  out.text = std::string(what) + ": " + failure.text;
  const bool is_final = failure.kind == Kind::invalid || failure.kind == Kind::too_large;
  out.is_retryable = !is_final && (may_run_twice || !failure.was_sent);
  if (failure.was_sent && !may_run_twice)
    out.text += "; " + std::string(subject) + " had been sent and may have been carried out";
  return out;
}

std::optional<Error> trouble_of(const ServiceFailure* failure) {
  if (failure == nullptr || failure->status == CLEAT_DENIED) return std::nullopt;
  return Error(failure->status, failure->text, failure->is_retryable ? CLEAT_RETRYABLE : 0);
}

void fail(Call& call, const ServiceFailure& failure) noexcept {
  call.fail({sizeof(cleat_failure), failure.status, failure.is_retryable ? CLEAT_RETRYABLE : 0,
             failure.retry_after_ms, failure.http_status, str(failure.text)});
}

}  // namespace cleat::common
