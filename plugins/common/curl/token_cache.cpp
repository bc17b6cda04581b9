#include "common/curl/token_cache.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

#include "common/json_value.hpp"

namespace cleat::common {
namespace {

constexpr std::size_t kMostWaiting = 4096;
constexpr std::size_t kMostShown = 300;
constexpr const char* kNoToken = "no token could be had: ";

std::string text_of(const JsonValue& from, std::string_view name) {
  const JsonValue* const found = from.find(name);
  if (found == nullptr) return {};
  return found->kind == JsonValue::Kind::text ? found->text : std::string(found->raw);
}

/// Seconds: `expires_in`, a number or a text; Azure's App Service has only `expires_on`, of the wall clock.
std::optional<std::chrono::seconds> lifetime_of(const JsonValue& answer) {
  const auto number = [&](const char* name) -> std::optional<std::int64_t> {
    const std::string text = text_of(answer, name);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end != text.data() ? std::optional(value) : std::nullopt;
  };
  // What is longer than ten years is a mistake, and must not overflow what is counted with it.
  constexpr std::int64_t kMost = std::int64_t{10} * 365 * 24 * 3600;
  if (const auto in = number("expires_in"))
    return std::chrono::seconds(std::clamp<std::int64_t>(*in, 0, kMost));
  const auto on = number("expires_on");
  if (!on) return std::nullopt;
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  return std::chrono::seconds(std::clamp<std::int64_t>(*on, now.count(), now.count() + kMost) - now.count());
}

}  // namespace

TokenCache::TokenCache(EventLoop& loop, std::chrono::seconds ahead, Ask ask)
    : ahead_(ahead), ask_(std::move(ask)), waiting_(loop, kMostWaiting, [](const Done& done) {
        const ServiceFailure failure{
            CLEAT_TIMEOUT, true, 0, 0, {}, "no token came within the time of the call"};
        done(nullptr, &failure);
      }) {}

bool TokenCache::is_good() const {
  return token_ && Clock::now() < expires_;
}

void TokenCache::ask() {
  is_asking_ = true;
  ask_();
}

void TokenCache::get(std::uint64_t deadline_ns, Done done) {
  if (is_closed_) {
    const ServiceFailure stopped{CLEAT_CANCELLED, false, 0, 0, {}, "the component has stopped"};
    return done(nullptr, &stopped);
  }
  const Clock::time_point now = Clock::now();
  const bool may_ask = !is_asking_ && now >= ask_again_at_;
  if (is_good()) {
    // What is asked may be answered at once, and the answer may be a failure: the token stays good.
    const AccessToken held = *token_;
    if (may_ask && now >= refresh_at_) ask();
    return done(&held, nullptr);
  }
  if (!is_asking_ && !may_ask && last_failure_) {
    const ServiceFailure held = *last_failure_;
    return done(nullptr, &held);
  }
  if (waiting_.is_full()) {
    const ServiceFailure full{
        CLEAT_THROTTLED, true, 0, 0, {}, "4096 requests wait for a token, more may not"};
    return done(nullptr, &full);
  }
  waiting_.add({deadline_ns}, std::move(done));
  if (may_ask) ask();
}

void TokenCache::forget(const std::string& text) {
  const Clock::time_point now = Clock::now();
  if (!token_ || token_->text != text || now < forget_again_at_) return;
  forget_again_at_ = now + forget_back_off_.next();
  token_.reset();
}

void TokenCache::serves() {
  forget_again_at_ = {};
  forget_back_off_.reset();
}

void TokenCache::close() {
  is_closed_ = true;
  const ServiceFailure stopped{
      CLEAT_CANCELLED, false, 0, 0, {}, "the component stopped before there was a token"};
  answer_all(nullptr, &stopped);
}

void TokenCache::answer_all(const AccessToken* token, const ServiceFailure* failure) {
  // Who is answered may ask for the next one.
  for (const Done& done : waiting_.take_all())
    done(token, failure);
}

void TokenCache::answered(const HttpResponse* answer, const TransferFailure* failure,
                          std::initializer_list<std::string_view> secrets) {
  if (failure != nullptr) return failed(token_failure(*failure));
  if (answer->status != 200) return failed(token_refusal(*answer, secrets));
  std::string token;
  std::optional<std::chrono::seconds> lifetime;
  try {
    const JsonValue parsed = parse_json(answer->body);
    token = text_of(parsed, "access_token");
    lifetime = lifetime_of(parsed);
  } catch (const std::invalid_argument& error) {
    return failed({CLEAT_REMOTE,
                   true,
                   0,
                   200,
                   {},
                   std::string("the answer to the request for a token is no JSON: ") + error.what()});
  }
  if (token.empty() || !lifetime) {
    return failed({CLEAT_REMOTE,
                   true,
                   0,
                   200,
                   {},
                   "the answer to the request for a token has no access_token or no expires_in"});
  }
  taken(std::move(token), *lifetime);
}

void TokenCache::taken(std::string token, std::chrono::seconds lifetime) {
  is_asking_ = false;
  back_off_.reset();
  last_failure_.reset();
  ask_again_at_ = {};
  expires_ = Clock::now() + lifetime;
  refresh_at_ =
      expires_ - std::min<std::chrono::milliseconds>(ahead_, std::chrono::milliseconds(lifetime) / 5);
  token_ = AccessToken{std::move(token), std::chrono::system_clock::now() + lifetime};
  const AccessToken held = *token_;
  answer_all(&held, nullptr);
}

void TokenCache::failed(ServiceFailure failure) {
  is_asking_ = false;
  ask_again_at_ = Clock::now() + back_off_.next();
  last_failure_ = std::move(failure);
  const ServiceFailure held = *last_failure_;
  answer_all(nullptr, &held);
}

ServiceFailure token_refusal(const HttpResponse& answer, std::initializer_list<std::string_view> secrets) {
  ServiceFailure out{CLEAT_UNAUTHENTICATED, false, 0, answer.status, {}, {}};
  const bool is_passing = answer.status == 429 || answer.status >= 500;
  if (is_passing) {
    out.status = answer.status == 429 ? CLEAT_THROTTLED : CLEAT_UNAVAILABLE;
    out.is_retryable = true;
  }
  std::string said;
  try {
    const JsonValue parsed = parse_json(answer.body);
    const JsonValue* const error = parsed.find("error");
    const bool is_detailed = error != nullptr && error->kind == JsonValue::Kind::object;
    out.code = is_detailed ? text_of(*error, "status") : text_of(parsed, "error");
    said = is_detailed ? text_of(*error, "message") : text_of(parsed, "error_description");
  } catch (const std::invalid_argument&) {
    said = "an answer that is no JSON";
  }
  // An endpoint that says what it was told shall not make a log of it. Before anything is cut: half of a secret would not
  // be found.
  for (const std::string_view secret : secrets) {
    if (!secret.empty() && said.find(secret) != std::string::npos) said.clear();
  }
  said.resize(std::min({said.size(), said.find('\r'), said.find('\n'), kMostShown}));
  out.text = kNoToken + ("HTTP " + std::to_string(answer.status));
  if (!out.code.empty()) out.text += " " + out.code;
  if (!said.empty()) out.text += ": " + said;
  return out;
}

ServiceFailure token_failure(const TransferFailure& failure) {
  return {status_of(failure.kind), failure.kind != TransferFailure::Kind::invalid, 0, 0, {},
          kNoToken + failure.text};
}

}  // namespace cleat::common
