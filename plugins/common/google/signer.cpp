#include "common/google/signer.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "common/base64.hpp"
#include "common/deadlines.hpp"
#include "common/json_value.hpp"
#include "common/text.hpp"
#include "common/url.hpp"

namespace cleat::google {
namespace {

/// ".../serviceAccounts/EMAIL:generateAccessToken"
std::string impersonated(const std::string& url) {
  constexpr std::string_view kBefore = "/serviceAccounts/";
  const std::size_t at = url.rfind(kBefore), end = url.rfind(':');
  if (at == std::string::npos || end == std::string::npos || end < at) return {};
  return url.substr(at + kBefore.size(), end - at - kBefore.size());
}

}  // namespace

Signer::Signer(common::CurlLoop& curl, Client& client, const Credentials& credentials)
    : curl_(curl), client_(client), credentials_(credentials), email_(credentials.email) {
  if (email_.empty()) email_ = impersonated(credentials.impersonation_url);
}

void Signer::name(std::uint64_t tag, std::uint64_t deadline_ns, Named done) {
  if (!email_.empty()) return done(&email_, nullptr);
  if (credentials_.identity != Identity::metadata_server) {
    const Failure nobody{CLEAT_UNSUPPORTED,
                         false,
                         0,
                         0,
                         {},
                         "a URL is signed by a service account, and the credentials are none: expected "
                         "privateKeyID, a service account's file or the metadata server"};
    return done(nullptr, &nobody);
  }
  common::HttpRequest out;
  out.tag = tag;
  out.url = credentials_.token_url + "/computeMetadata/v1/instance/service-accounts/default/email";
  out.headers.push_back({"Metadata-Flavor", "Google"});
  out.is_direct = true;
  out.may_run_twice = true;
  out.max_response_bytes = 4096;
  out.deadline_ns = std::min(deadline_ns, common::ns_after(std::chrono::seconds(5)));
  curl_.send(std::move(out), [this, done = std::move(done)](common::HttpResponse* answer,
                                                            const common::TransferFailure* failure) {
    constexpr const char* kWhat = "the metadata server's email";
    if (failure != nullptr) {
      const Failure none = common::failure_of(*failure, kWhat, "it", true);
      return done(nullptr, &none);
    }
    const std::string email(common::trimmed(answer->body));
    if (answer->status == 200 && email.find('@') != std::string::npos) {
      email_ = email;
      return done(&email_, nullptr);
    }
    const Failure strange{CLEAT_UNAUTHENTICATED,
                          true,
                          0,
                          answer->status,
                          {},
                          kWhat + (": HTTP " + std::to_string(answer->status)) +
                              " without an address: has the machine a service account?"};
    done(nullptr, &strange);
  });
}

void Signer::sign(std::string text, std::uint64_t tag, std::uint64_t deadline_ns, Signed done) {
  if (credentials_.key) {
    std::string signature;
    try {
      signature = credentials_.key->sign(text);
    } catch (const Error& error) {
      const Failure failure{error.status, false, 0, 0, {}, error.what()};
      return done(nullptr, &failure);
    }
    return done(&signature, nullptr);
  }
  ServiceRequest out;
  out.what = "iam.serviceAccounts.signBlob";
  out.method = "POST";
  out.url =
      credentials_.iam_url + "/v1/projects/-/serviceAccounts/" + common::url_encoded(email_) + ":signBlob";
  out.headers.push_back({"Content-Type", "application/json"});
  out.body = "{\"payload\":\"" + common::base64(text) + "\"}";
  out.may_run_twice = true;
  out.tag = tag;
  out.deadline_ns = deadline_ns;
  client_.send(
      std::move(out), [done = std::move(done)](common::HttpResponse* answer, const Failure* failure) {
        if (failure != nullptr) return done(nullptr, failure);
        try {
          const common::JsonValue parsed = common::parse_json(answer->body);
          const common::JsonValue* const found = parsed.find("signedBlob");
          const auto signature = found != nullptr ? common::from_base64(found->text) : std::nullopt;
          if (signature && !signature->empty()) return done(&*signature, nullptr);
        } catch (const std::invalid_argument&) {
          // As an answer without the member.
        }
        const Failure strange{
            CLEAT_REMOTE, true, 0, 200, {}, "iam.serviceAccounts.signBlob: the answer has no signedBlob"};
        done(nullptr, &strange);
      });
}

}  // namespace cleat::google
