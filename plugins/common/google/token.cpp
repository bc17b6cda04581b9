#include "common/google/token.hpp"

#include <chrono>
#include <ctime>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "common/deadlines.hpp"
#include "common/json_text.hpp"
#include "common/json_value.hpp"
#include "common/text.hpp"
#include "common/url.hpp"

namespace cleat::google {
namespace {

using namespace std::chrono_literals;
using common::HttpResponse;
using common::json_string;
using common::TransferFailure;
using common::url_encoded;

constexpr const char* kScope = "https://www.googleapis.com/auth/cloud-platform";
constexpr std::size_t kMostBytes = 256U << 10U;
constexpr auto kAnswerWithin = 30s;
// A machine without an identity has nobody at that address, and no answer at all.
constexpr auto kMetadataWithin = 5s;
// The metadata server has a new one four minutes before the end; before that it gives the same one again.
constexpr auto kAhead = 225s;
constexpr const char* kForm = "application/x-www-form-urlencoded";

std::int64_t seconds_of(std::chrono::system_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

/// The member `name` of a JSON object, a text; nothing if there is none.
std::string member_of(std::string_view json, std::string_view name) {
  try {
    const common::JsonValue parsed = common::parse_json(json);
    const common::JsonValue* const found = parsed.find(name);
    return found != nullptr ? found->text : std::string();
  } catch (const std::invalid_argument&) {
    return {};
  }
}

/// Seconds from now until "2026-11-28T15:04:05Z", a fraction apart; nothing if it is none.
std::optional<std::chrono::seconds> until(const std::string& text) {
  std::tm parts{};
  const char* const end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr) return std::nullopt;
  return std::chrono::seconds(::timegm(&parts) - seconds_of(std::chrono::system_clock::now()));
}

Failure refused(const std::string& why) {
  return {CLEAT_UNAUTHENTICATED, true, 0, 0, {}, "no token could be had: " + why};
}

}  // namespace

std::string assertion_of(const Credentials& account, const std::string& audience,
                         std::chrono::system_clock::time_point now) {
  const std::string head = "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":" + json_string(account.key_id) + "}";
  const std::int64_t from = seconds_of(now);
  const std::string claims = "{\"iss\":" + json_string(account.email) + ",\"scope\":" + json_string(kScope) +
                             ",\"aud\":" + json_string(audience) + ",\"iat\":" + std::to_string(from) +
                             ",\"exp\":" + std::to_string(from + 3600) + "}";
  const std::string text = base64url(head) + "." + base64url(claims);
  return text + "." + base64url(account.key->sign(text));
}

TokenSource::TokenSource(common::CurlLoop& curl, const Credentials& credentials)
    : curl_(curl), credentials_(credentials), cache_(curl.loop(), kAhead, [this] { ask(); }) {}

void TokenSource::ask() {
  const Answered answered = [this](HttpResponse* answer, const TransferFailure* failure) {
    cache_.answered(answer, failure, {shown_, credentials_.client_secret});
  };
  switch (credentials_.identity) {
    case Identity::service_account:
      try {
        shown_ = assertion_of(credentials_, credentials_.token_url, std::chrono::system_clock::now());
      } catch (const Error& error) {
        return cache_.failed(refused(error.what()));
      }
      return post(
          credentials_.token_url, kForm,
          "grant_type=" + url_encoded("urn:ietf:params:oauth:grant-type:jwt-bearer") + "&assertion=" + shown_,
          answered);
    case Identity::authorized_user:
      shown_ = credentials_.refresh_token;
      return post(credentials_.token_url, kForm,
                  "grant_type=refresh_token&client_id=" + url_encoded(credentials_.client_id) +
                      "&client_secret=" + url_encoded(credentials_.client_secret) +
                      "&refresh_token=" + url_encoded(credentials_.refresh_token),
                  answered);
    case Identity::external_account:
      return ask_for_subject();
    case Identity::nobody:
    case Identity::metadata_server:
      return ask_metadata_server();
  }
}

void TokenSource::post(const std::string& url, const char* type, std::string body, Answered answered,
                       const std::string& bearer) {
  body_ = std::move(body);
  common::HttpRequest out;
  out.method = "POST";
  out.url = url;
  out.headers.push_back({"Content-Type", type});
  if (!bearer.empty()) out.headers.push_back({"Authorization", "Bearer " + bearer, true});
  out.body = body_;
  out.has_body = true;
  out.may_run_twice = true;
  out.max_response_bytes = kMostBytes;
  out.deadline_ns = common::ns_after(kAnswerWithin);
  curl_.send(std::move(out), std::move(answered));
}

void TokenSource::ask_metadata_server() {
  common::HttpRequest out;
  out.url = credentials_.token_url +
            "/computeMetadata/v1/instance/service-accounts/default/token?scopes=" + url_encoded(kScope);
  out.headers.push_back({"Metadata-Flavor", "Google"});
  // It is this machine's own address: a proxy would ask for its own identity.
  out.is_direct = true;
  out.may_run_twice = true;
  out.max_response_bytes = kMostBytes;
  out.deadline_ns = common::ns_after(kMetadataWithin);
  curl_.send(std::move(out), [this](const HttpResponse* answer, const TransferFailure* failure) {
    if (failure == nullptr) return cache_.answered(answer, nullptr, {});
    Failure none = common::token_failure(*failure);
    none.text +=
        ": the machine's metadata server was asked, as neither the component nor "
        "GOOGLE_APPLICATION_CREDENTIALS "
        "names credentials";
    cache_.failed(std::move(none));
  });
}

void TokenSource::ask_for_subject() {
  const SubjectToken& from = credentials_.subject;
  if (!from.file.empty()) {
    std::ifstream file(from.file);
    std::ostringstream text;
    if (file) text << file.rdbuf();
    const std::string whole(common::trimmed(text.str()));
    const std::string subject = from.member.empty() ? whole : member_of(whole, from.member);
    if (subject.empty())
      return cache_.failed(
          refused("the subject token's file, " + from.file + ", cannot be read or has none"));
    return exchange(subject);
  }
  common::HttpRequest out;
  out.url = from.url;
  for (const auto& [name, value] : from.headers)
    out.headers.push_back({name, value, true});
  out.may_run_twice = true;
  out.max_response_bytes = kMostBytes;
  out.deadline_ns = common::ns_after(kAnswerWithin);
  curl_.send(std::move(out), [this](HttpResponse* answer, const TransferFailure* failure) {
    if (failure != nullptr) return cache_.failed(common::token_failure(*failure));
    if (answer->status != 200) return cache_.failed(common::token_refusal(*answer, {}));
    const std::string& member = credentials_.subject.member;
    const std::string subject =
        member.empty() ? std::string(common::trimmed(answer->body)) : member_of(answer->body, member);
    if (subject.empty())
      return cache_.failed(refused("the answer of credential_source.url has no subject token"));
    exchange(subject);
  });
}

void TokenSource::exchange(const std::string& subject) {
  shown_ = subject;
  const auto urn = [](const char* name) { return url_encoded("urn:ietf:params:oauth:" + std::string(name)); };
  post(credentials_.token_url, kForm,
       "grant_type=" + urn("grant-type:token-exchange") + "&audience=" + url_encoded(credentials_.audience) +
           "&scope=" + url_encoded(kScope) + "&requested_token_type=" + urn("token-type:access_token") +
           "&subject_token=" + url_encoded(subject) +
           "&subject_token_type=" + url_encoded(credentials_.subject_token_type),
       [this](HttpResponse* answer, const TransferFailure* failure) {
         const bool is_half_way =
             failure == nullptr && answer->status == 200 && !credentials_.impersonation_url.empty();
         if (is_half_way) return impersonate(*answer);
         cache_.answered(answer, failure, {shown_});
       });
}

void TokenSource::impersonate(const HttpResponse& exchanged) {
  const std::string token = member_of(exchanged.body, "access_token");
  if (token.empty()) return cache_.failed(refused("the answer of token_url has no access_token"));
  post(
      credentials_.impersonation_url, "application/json",
      "{\"scope\":[" + json_string(kScope) + "],\"lifetime\":\"3600s\"}",
      [this, token](const HttpResponse* answer, const TransferFailure* failure) {
        if (failure != nullptr) return cache_.failed(common::token_failure(*failure));
        if (answer->status != 200) return cache_.failed(common::token_refusal(*answer, {shown_, token}));
        std::string text = member_of(answer->body, "accessToken");
        const auto lifetime = until(member_of(answer->body, "expireTime"));
        if (text.empty() || !lifetime)
          return cache_.failed(
              refused("the answer of service_account_impersonation_url has no accessToken or no expireTime"));
        cache_.taken(std::move(text), *lifetime);
      },
      token);
}

}  // namespace cleat::google
