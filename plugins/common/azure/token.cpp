#include "common/azure/token.hpp"

#include <fstream>
#include <sstream>
#include <utility>

#include "common/deadlines.hpp"
#include "common/text.hpp"
#include "common/url.hpp"

namespace cleat::azure {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMostBytes = 256U << 10U;
constexpr auto kAnswerWithin = 30s;
// A machine without an identity has nobody at that address, and no answer at all.
constexpr auto kMetadataWithin = 5s;
// As Azure's libraries do.
constexpr auto kAhead = 300s;

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

}  // namespace

TokenSource::TokenSource(common::CurlLoop& curl, TokenSettings settings, std::string scope)
    : curl_(curl),
      settings_(std::move(settings)),
      scope_(std::move(scope)),
      cache_(curl.loop(), kAhead, [this] { ask(); }) {}

common::HttpRequest TokenSource::make_request() {
  common::HttpRequest out;
  out.may_run_twice = true;
  out.max_response_bytes = kMostBytes;
  if (settings_.identity == Identity::managed_identity) {
    const bool is_app_service = !settings_.endpoint_header.empty();
    out.url = settings_.endpoint + (settings_.endpoint.find('?') == std::string::npos ? "?" : "&") +
              "api-version=" + (is_app_service ? "2019-08-01" : "2018-02-01") +
              "&resource=" + common::url_encoded(resource_of(scope_));
    if (!settings_.client_id.empty()) out.url += "&client_id=" + common::url_encoded(settings_.client_id);
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
  out.url = settings_.authority + "/" + common::url_encoded(settings_.tenant) + "/oauth2/v2.0/token";
  out.headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
  body_ = "grant_type=client_credentials&client_id=" + common::url_encoded(settings_.client_id) +
          "&scope=" + common::url_encoded(scope_);
  if (settings_.identity == Identity::client_secret) {
    body_ += "&client_secret=" + common::url_encoded(settings_.client_secret);
  } else {
    const auto assertion = read_line(settings_.assertion_file);
    if (!assertion) {
      throw std::runtime_error("the file of AZURE_FEDERATED_TOKEN_FILE, " + settings_.assertion_file +
                               ", cannot be read or is empty");
    }
    body_ += "&client_assertion_type=" +
             common::url_encoded("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") +
             "&client_assertion=" + common::url_encoded(*assertion);
  }
  out.body = body_;
  out.has_body = true;
  out.deadline_ns = common::ns_after(kAnswerWithin);
  return out;
}

void TokenSource::ask() {
  common::HttpRequest request;
  try {
    request = make_request();
  } catch (const std::runtime_error& error) {
    return cache_.failed({CLEAT_UNAUTHENTICATED, true, 0, 0, {}, error.what()});
  }
  curl_.send(std::move(request),
             [this](const common::HttpResponse* answer, const common::TransferFailure* failure) {
               cache_.answered(answer, failure, {settings_.client_secret, settings_.endpoint_header});
             });
}

}  // namespace cleat::azure
