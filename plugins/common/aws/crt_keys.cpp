#include <aws/auth/credentials.h>
#include <aws/common/string.h>
#include <aws/http/proxy.h>
#include <aws/io/tls_channel_handler.h>
#include <aws/sdkutils/aws_profile.h>

#include <cleat/values.hpp>
#include <cstdlib>
#include <initializer_list>
#include <vector>

#include "common/aws/crt_library.hpp"
#include "common/aws/keys.hpp"

namespace cleat::aws {
namespace {

struct Release {
  void operator()(aws_credentials_provider* provider) const { aws_credentials_provider_release(provider); }
  void operator()(aws_tls_ctx* context) const { aws_tls_ctx_release(context); }
  void operator()(aws_string* text) const { aws_string_destroy(text); }
  void operator()(aws_profile_collection* profiles) const { aws_profile_collection_release(profiles); }
};
template <class T>
using Held = std::unique_ptr<T, Release>;

/// Proxies are those of the environment, as for all other requests. Not for the metadata of the machine itself.
proxy_env_var_settings proxies() {
  proxy_env_var_settings settings{};
  settings.env_var_type = AWS_HPEV_ENABLE;
  return settings;
}

Held<aws_credentials_provider> given(const KeyOptions& options) {
  aws_credentials_provider_static_options made{};
  made.access_key_id = cursor(options.access_key);
  made.secret_access_key = cursor(options.secret_key);
  made.session_token = cursor(options.session_token);
  return Held<aws_credentials_provider>(aws_credentials_provider_new_static(library(), &made));
}

Held<aws_credentials_provider> web_identity(aws_tls_ctx* tls, const proxy_env_var_settings& proxy) {
  aws_credentials_provider_sts_web_identity_options options{};
  options.bootstrap = library_network();
  options.tls_ctx = tls;
  options.proxy_ev_settings = &proxy;
  return Held<aws_credentials_provider>(aws_credentials_provider_new_sts_web_identity(library(), &options));
}

Held<aws_credentials_provider> profile(aws_tls_ctx* tls, proxy_env_var_settings& proxy) {
  aws_credentials_provider_profile_options options{};
  options.bootstrap = library_network();
  options.tls_ctx = tls;
  options.proxy_ev_settings = &proxy;
  return Held<aws_credentials_provider>(aws_credentials_provider_new_profile(library(), &options));
}

Held<aws_credentials_provider> container(aws_tls_ctx* tls) {
  aws_credentials_provider_ecs_environment_options options{};
  options.bootstrap = library_network();
  options.tls_ctx = tls;
  return Held<aws_credentials_provider>(
      aws_credentials_provider_new_ecs_from_environment(library(), &options));
}

Held<aws_credentials_provider> instance() {
  const char* disabled = std::getenv("AWS_EC2_METADATA_DISABLED");
  if (disabled != nullptr && std::string_view(disabled) == "true") return nullptr;
  aws_credentials_provider_imds_options options{};
  options.bootstrap = library_network();
  options.ec2_metadata_v1_disabled = true;
  return Held<aws_credentials_provider>(aws_credentials_provider_new_imds(library(), &options));
}

/// In the order of AWS's SDKs. What is not set up is not in the chain; the first that has keys counts.
Held<aws_credentials_provider> machine(aws_tls_ctx* tls) {
  proxy_env_var_settings proxy = proxies();
  std::vector<Held<aws_credentials_provider>> held;
  const aws_credentials_provider_environment_options environment{};
  held.emplace_back(aws_credentials_provider_new_environment(library(), &environment));
  held.push_back(web_identity(tls, proxy));
  held.push_back(profile(tls, proxy));
  held.push_back(container(tls));
  if (!held.back()) held.push_back(instance());
  std::vector<aws_credentials_provider*> providers;
  for (const auto& each : held) {
    if (each) providers.push_back(each.get());
  }
  aws_credentials_provider_chain_options chain{};
  chain.providers = providers.data();
  chain.provider_count = providers.size();
  return Held<aws_credentials_provider>(aws_credentials_provider_new_chain(library(), &chain));
}

Held<aws_credentials_provider> assumed(const KeyOptions& options, Held<aws_credentials_provider> by,
                                       aws_tls_ctx* tls) {
  const proxy_env_var_settings proxy = proxies();
  aws_credentials_provider_sts_options made{};
  made.bootstrap = library_network();
  made.tls_ctx = tls;
  made.creds_provider = by.get();
  made.role_arn = cursor(options.role_arn);
  made.session_name = cursor(options.role_session);
  made.external_id = cursor(options.external_id);
  made.duration_seconds = 3600;
  made.proxy_ev_settings = &proxy;
  return Held<aws_credentials_provider>(aws_credentials_provider_new_sts(library(), &made));
}

class LibrarySource : public KeySource {
 public:
  explicit LibrarySource(Held<aws_credentials_provider> provider) : provider_(std::move(provider)) {}

  void fetch(Got got) override {
    auto* held = new Got(std::move(got));
    const auto done = [](aws_credentials* credentials, int code, void* context) {
      const std::unique_ptr<Got> mine(static_cast<Got*>(context));
      if (credentials == nullptr) return (*mine)(nullptr, library_error(code));
      Keys keys;
      keys.id = text_of(aws_credentials_get_access_key_id(credentials));
      keys.secret = text_of(aws_credentials_get_secret_access_key(credentials));
      keys.token = text_of(aws_credentials_get_session_token(credentials));
      keys.expires_at_s = aws_credentials_get_expiration_timepoint_seconds(credentials);
      (*mine)(std::make_shared<const Keys>(std::move(keys)), {});
    };
    if (aws_credentials_provider_get_credentials(provider_.get(), done, held) == AWS_OP_SUCCESS) return;
    // The callback is not called then.
    const std::unique_ptr<Got> mine(held);
    (*mine)(nullptr, library_error());
  }

 private:
  const Held<aws_credentials_provider> provider_;
};

/// Needs nothing of the library, and no thread.
class GivenSource : public KeySource {
 public:
  explicit GivenSource(const KeyOptions& options)
      : keys_(std::make_shared<const Keys>(
            Keys{options.access_key, options.secret_key, options.session_token, kNeverExpires})) {}
  void fetch(Got got) override { got(keys_, {}); }

 private:
  const KeysPtr keys_;
};

}  // namespace

std::unique_ptr<KeySource> KeySource::make(const KeyOptions& options) {
  const bool is_given = !options.access_key.empty();
  if (is_given && options.role_arn.empty()) return std::make_unique<GivenSource>(options);
  const Held<aws_tls_ctx> tls(new_tls(options.ca));
  Held<aws_credentials_provider> provider = is_given ? given(options) : machine(tls.get());
  if (provider && !options.role_arn.empty()) provider = assumed(options, std::move(provider), tls.get());
  if (!provider) throw Error(CLEAT_INVALID, "AWS credentials cannot be set up: " + library_error());
  return std::make_unique<LibrarySource>(std::move(provider));
}

std::string region_of_machine() {
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  const Held<aws_string> path(aws_get_config_file_path(library(), nullptr));
  if (!path) return {};
  const Held<aws_profile_collection> profiles(
      aws_profile_collection_new_from_file(library(), path.get(), AWS_PST_CONFIG));
  if (!profiles) return {};
  const aws_byte_cursor none{};
  const Held<aws_string> name(aws_get_profile_name(library(), &none));
  const Held<aws_string> region(aws_string_new_from_c_str(library(), "region"));
  const aws_profile* profile = aws_profile_collection_get_profile(profiles.get(), name.get());
  const aws_profile_property* property =
      profile != nullptr ? aws_profile_get_property(profile, region.get()) : nullptr;
  return property != nullptr ? aws_string_c_str(aws_profile_property_get_value(property)) : "";
}

}  // namespace cleat::aws
