#include "common/azure/token.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <utility>

#include "common/deadlines.hpp"
#include "common/json_value.hpp"
#include "common/text.hpp"

namespace cleat::azure {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostWaiting = 4096;
constexpr std::size_t kMostShown = 300;
constexpr std::uint64_t kMostBytes = 256U << 10U;
constexpr auto kAnswerWithin = 30s;
// A machine without an identity has nobody at that address, and no answer at all.
constexpr auto kMetadataWithin = 5s;

std::string resource_of(const std::string& scope) {
  constexpr std::string_view kEnd = "/.default";
  const bool has_end =
      scope.size() > kEnd.size() && scope.compare(scope.size() - kEnd.size(), kEnd.size(), kEnd) == 0;
  return has_end ? scope.substr(0, scope.size() - kEnd.size()) : scope;
}

std::optional<std::string> read_line(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  std::string found(common::trimmed(text.str()));
  return found.empty() ? std::nullopt : std::optional(std::move(found));
}

std::string text_of(const common::JsonValue& from, std::string_view name) {
  const common::JsonValue* const found = from.find(name);
  if (found == nullptr) return {};
  return found->kind == common::JsonValue::Kind::text ? found->text : std::string(found->raw);
}

/// Seconds: `expires_in`, a number or a text; App Service has only `expires_on`, of the wall clock.
std::optional<std::chrono::seconds> lifetime_of(const common::JsonValue& answer) {
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

std::string url_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '-' || c == '.' || c == '_' || c == '~';
    if (is_plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return out;
}

TokenSource::TokenSource(common::CurlLoop& curl, TokenSettings settings, std::string scope)
    : curl_(curl), settings_(std::move(settings)), scope_(std::move(scope)) {}

bool TokenSource::is_good() const {
  return token_ && Clock::now() < expires_;
}

void TokenSource::get(std::uint64_t deadline_ns, Done done) {
  if (is_closed_) {
    const Failure stopped{CLEAT_CANCELLED, false, 0, 0, {}, "the component has stopped"};
    return done(nullptr, &stopped);
  }
  const Clock::time_point now = Clock::now();
  const bool may_ask = !is_asking_ && now >= ask_again_at_;
  if (is_good()) {
    if (may_ask && now >= refresh_at_) refresh();
    // refresh() may have been answered already, and the answer may have been a failure: the token stays good.
    return done(&*token_, nullptr);
  }
  if (!is_asking_ && !may_ask && last_failure_) {
    const Failure held = *last_failure_;
    return done(nullptr, &held);
  }
  if (waiting_.size() >= kMostWaiting) {
    const Failure full{CLEAT_THROTTLED, true, 0, 0, {}, "4096 requests wait for a token, more may not"};
    return done(nullptr, &full);
  }
  const std::uint64_t id = ++last_id_;
  const auto at = Clock::time_point(std::chrono::nanoseconds(static_cast<std::int64_t>(deadline_ns)));
  const auto timer = curl_.loop().at(at, [this, id] {
    const auto found =
        std::find_if(waiting_.begin(), waiting_.end(), [id](const Waiting& each) { return each.id == id; });
    if (found == waiting_.end()) return;
    const Done late = std::move(found->done);
    waiting_.erase(found);
    const Failure failure{CLEAT_TIMEOUT, true, 0, 0, {}, "no token came within the time of the call"};
    late(nullptr, &failure);
  });
  waiting_.push_back({id, timer, std::move(done)});
  if (may_ask) refresh();
}

void TokenSource::forget(const std::string& text) {
  if (token_ && token_->text == text) token_.reset();
}

void TokenSource::close() {
  is_closed_ = true;
  const Failure stopped{CLEAT_CANCELLED, false, 0, 0, {}, "the component stopped before there was a token"};
  answer_all(nullptr, &stopped);
}

void TokenSource::answer_all(const AccessToken* token, const Failure* failure) {
  // Who is answered may ask for the next one.
  for (const Waiting& each : std::exchange(waiting_, {})) {
    curl_.loop().cancel(each.timer);
    each.done(token, failure);
  }
}

common::HttpRequest TokenSource::make_request() {
  common::HttpRequest out;
  out.may_run_twice = true;
  out.max_response_bytes = kMostBytes;
  if (settings_.identity == Identity::managed_identity) {
    const bool is_app_service = !settings_.endpoint_header.empty();
    out.url = settings_.endpoint + (settings_.endpoint.find('?') == std::string::npos ? "?" : "&") +
              "api-version=" + (is_app_service ? "2019-08-01" : "2018-02-01") +
              "&resource=" + url_encoded(resource_of(scope_));
    if (!settings_.client_id.empty()) out.url += "&client_id=" + url_encoded(settings_.client_id);
    if (is_app_service) {
      out.headers.push_back({"X-IDENTITY-HEADER", settings_.endpoint_header, true});
    } else {
      out.headers.push_back({"Metadata", "true"});
    }
    // It is this machine's own address: a proxy would ask for its own identity.
    out.is_direct = true;
    out.deadline_ns = common::ns_after(kMetadataWithin);
    return out;
  }
  out.method = "POST";
  out.url = settings_.authority + "/" + url_encoded(settings_.tenant) + "/oauth2/v2.0/token";
  out.headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
  body_ = "grant_type=client_credentials&client_id=" + url_encoded(settings_.client_id) +
          "&scope=" + url_encoded(scope_);
  if (settings_.identity == Identity::client_secret) {
    body_ += "&client_secret=" + url_encoded(settings_.client_secret);
  } else {
    const auto assertion = read_line(settings_.assertion_file);
    if (!assertion) {
      throw std::runtime_error("the file of AZURE_FEDERATED_TOKEN_FILE, " + settings_.assertion_file +
                               ", cannot be read or is empty");
    }
    body_ +=
        "&client_assertion_type=" + url_encoded("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") +
        "&client_assertion=" + url_encoded(*assertion);
  }
  out.body = body_;
  out.has_body = true;
  out.deadline_ns = common::ns_after(kAnswerWithin);
  return out;
}

void TokenSource::refresh() {
  is_asking_ = true;
  try {
    curl_.send(make_request(), [this](common::HttpResponse* answer, const common::TransferFailure* failure) {
      answered(answer, failure);
    });
  } catch (const std::runtime_error& error) {
    failed({CLEAT_UNAUTHENTICATED, true, 0, 0, {}, error.what()});
  }
}

void TokenSource::answered(const common::HttpResponse* answer, const common::TransferFailure* failure) {
  if (failure != nullptr)
    return failed({status_of(failure->kind),
                   failure->kind != common::TransferFailure::Kind::invalid,
                   0,
                   0,
                   {},
                   "no token could be had: " + failure->text});
  if (answer->status != 200) return failed(refusal(*answer));
  try {
    const common::JsonValue parsed = common::parse_json(answer->body);
    AccessToken token;
    token.text = text_of(parsed, "access_token");
    const auto lifetime = lifetime_of(parsed);
    if (token.text.empty() || !lifetime) {
      return failed({CLEAT_REMOTE,
                     true,
                     0,
                     200,
                     {},
                     "the answer to the request for a token has no access_token or no expires_in"});
    }
    is_asking_ = false;
    back_off_.reset();
    last_failure_.reset();
    ask_again_at_ = {};
    token.expires_at = std::chrono::system_clock::now() + *lifetime;
    expires_ = Clock::now() + *lifetime;
    // Five minutes before it ends, as Azure's libraries do; of a short one a fifth before.
    refresh_at_ =
        expires_ - std::min<std::chrono::milliseconds>(300s, std::chrono::milliseconds(*lifetime) / 5);
    token_ = std::move(token);
  } catch (const std::invalid_argument& error) {
    return failed({CLEAT_REMOTE,
                   true,
                   0,
                   200,
                   {},
                   std::string("the answer to the request for a token is no JSON: ") + error.what()});
  }
  const AccessToken held = *token_;
  answer_all(&held, nullptr);
}

Failure TokenSource::refusal(const common::HttpResponse& answer) const {
  Failure out{CLEAT_UNAUTHENTICATED, false, 0, answer.status, {}, {}};
  const bool is_passing = answer.status == 429 || answer.status >= 500;
  if (is_passing) {
    out.status = answer.status == 429 ? CLEAT_THROTTLED : CLEAT_UNAVAILABLE;
    out.is_retryable = true;
  }
  std::string said;
  try {
    const common::JsonValue parsed = common::parse_json(answer.body);
    out.code = text_of(parsed, "error");
    said = text_of(parsed, "error_description");
  } catch (const std::invalid_argument&) {
    said = "an answer that is no JSON";
  }
  // An endpoint that says what it was told shall not make a log of it. Before anything is cut: half of a secret would not
  // be found.
  for (const std::string& secret : {settings_.client_secret, settings_.endpoint_header}) {
    if (!secret.empty() && said.find(secret) != std::string::npos) said.clear();
  }
  said.resize(std::min({said.size(), said.find('\r'), said.find('\n'), kMostShown}));
  out.text = "no token could be had: HTTP " + std::to_string(answer.status);
  if (!out.code.empty()) out.text += " " + out.code;
  if (!said.empty()) out.text += ": " + said;
  return out;
}

void TokenSource::failed(Failure failure) {
  is_asking_ = false;
  ask_again_at_ = Clock::now() + back_off_.next();
  last_failure_ = std::move(failure);
  const Failure held = *last_failure_;
  answer_all(nullptr, &held);
}

}  // namespace cleat::azure
