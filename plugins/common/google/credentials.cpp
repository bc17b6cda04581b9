#include "common/google/credentials.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "common/json_value.hpp"
#include "common/text.hpp"

namespace cleat::google {
namespace {

using common::JsonValue;

constexpr const char* kTokenUrl = "https://oauth2.googleapis.com/token";
constexpr const char* kMetadataHost = "169.254.169.254";

std::optional<std::string> read(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// A file of credentials: its members, and errors that name it.
class File {
 public:
  File(std::string path, const std::string& text) : path_(std::move(path)) {
    try {
      root_ = common::parse_json(text);
    } catch (const std::invalid_argument& error) {
      refuse(std::string("expected JSON: ") + error.what());
    }
  }
  [[nodiscard]] const JsonValue& root() const { return root_; }
  [[nodiscard]] const JsonValue* object(const JsonValue& in, const char* name) const {
    const JsonValue* const found = in.find(name);
    return found != nullptr && found->kind == JsonValue::Kind::object ? found : nullptr;
  }
  [[nodiscard]] std::string text(const JsonValue& in, const char* name) const {
    const JsonValue* const found = in.find(name);
    return found != nullptr && found->kind == JsonValue::Kind::text ? found->text : std::string();
  }
  [[nodiscard]] std::string required(const char* name) const {
    std::string found = text(root_, name);
    if (found.empty()) refuse(std::string("expected a member '") + name + "', found none");
    return found;
  }
  [[noreturn]] void refuse(const std::string& why, cleat_status status = CLEAT_INVALID) const {
    throw Error(status, "the credentials in " + path_ + ": " + why);
  }
  [[nodiscard]] std::string named(const char* member) const { return path_ + ": " + member; }

 private:
  std::string path_;
  JsonValue root_;
};

SubjectToken subject_of(const File& file) {
  const JsonValue* const source = file.object(file.root(), "credential_source");
  if (source == nullptr) file.refuse("expected a member 'credential_source', found none");
  SubjectToken out;
  out.file = file.text(*source, "file");
  out.url = file.text(*source, "url");
  if (out.file.empty() == out.url.empty())
    file.refuse("credential_source: expected a file or an url, which are the sources that are served here",
                CLEAT_UNSUPPORTED);
  if (const JsonValue* const headers = file.object(*source, "headers")) {
    for (const auto& [name, value] : headers->members)
      out.headers.emplace_back(name, value.text);
  }
  if (const JsonValue* const format = file.object(*source, "format"); format != nullptr) {
    if (file.text(*format, "type") == "json") {
      out.member = file.text(*format, "subject_token_field_name");
      if (out.member.empty())
        file.refuse("credential_source.format: expected subject_token_field_name with the type json");
    }
  }
  return out;
}

Credentials from_file(const std::string& path, const std::string& text) {
  const File file(path, text);
  const std::string type = file.text(file.root(), "type");
  const std::string universe = file.text(file.root(), "universe_domain");
  if (!universe.empty() && universe != "googleapis.com")
    file.refuse("universe_domain: expected googleapis.com, found '" + universe + "'", CLEAT_UNSUPPORTED);
  Credentials out;
  out.token_url = file.text(file.root(), "token_uri");
  if (out.token_url.empty()) out.token_url = kTokenUrl;
  if (type == "service_account") {
    out.identity = Identity::service_account;
    out.email = file.required("client_email");
    out.key_id = file.text(file.root(), "private_key_id");
    out.key = std::make_shared<RsaKey>(file.required("private_key"), file.named("private_key"));
  } else if (type == "authorized_user") {
    out.identity = Identity::authorized_user;
    out.client_id = file.required("client_id");
    out.client_secret = file.required("client_secret");
    out.refresh_token = file.required("refresh_token");
    out.project = file.text(file.root(), "quota_project_id");
  } else if (type == "external_account") {
    out.identity = Identity::external_account;
    if (!file.text(file.root(), "workforce_pool_user_project").empty() ||
        !file.text(file.root(), "client_id").empty())
      file.refuse("workforce pools are not served, only workload pools", CLEAT_UNSUPPORTED);
    out.token_url = file.required("token_url");
    out.audience = file.required("audience");
    out.subject_token_type = file.required("subject_token_type");
    out.impersonation_url = file.text(file.root(), "service_account_impersonation_url");
    out.subject = subject_of(file);
  } else {
    file.refuse("type: expected service_account, authorized_user or external_account, found '" + type + "'",
                CLEAT_UNSUPPORTED);
  }
  return out;
}

Credentials from_fields(const Config& config) {
  const std::string type = config.text("type");
  if (!type.empty() && type != "service_account")
    throw Error(CLEAT_UNSUPPORTED, "type: expected service_account, found '" + type + "'");
  Credentials out;
  out.identity = Identity::service_account;
  out.key_id = config.text("privateKeyID");
  out.email = config.text("clientEmail");
  if (out.email.empty())
    throw Error(CLEAT_INVALID, "clientEmail: expected the service account's address with privateKeyID");
  const std::string key = config.text("privateKey");
  if (key.empty()) throw Error(CLEAT_INVALID, "privateKey: expected a key with privateKeyID, found none");
  out.key = std::make_shared<RsaKey>(key, "privateKey");
  out.token_url = config.text("tokenURI");
  if (out.token_url.empty()) out.token_url = kTokenUrl;
  return out;
}

/// What `gcloud auth application-default login` writes.
std::string usual_file(const common::Environment& from) {
  constexpr const char* kName = "/application_default_credentials.json";
  if (const auto folder = from("CLOUDSDK_CONFIG"); folder && !folder->empty()) return *folder + kName;
  const auto home = from("HOME");
  return home && !home->empty() ? *home + "/.config/gcloud" + kName : std::string();
}

std::string without_slash(std::string url) {
  while (!url.empty() && url.back() == '/')
    url.pop_back();
  return url;
}

bool is_http(std::string_view url) {
  return url.rfind("http://", 0) == 0 || url.rfind("https://", 0) == 0;
}

}  // namespace

Credentials credentials_of(const Config& config, const common::Environment& from) {
  if (!config.text("privateKeyID").empty()) return from_fields(config);
  if (const auto named = from("GOOGLE_APPLICATION_CREDENTIALS"); named && !named->empty()) {
    const auto text = read(*named);
    if (!text)
      throw Error(CLEAT_INVALID,
                  "the file of GOOGLE_APPLICATION_CREDENTIALS, " + *named + ", cannot be read");
    return from_file(*named, *text);
  }
  const std::string usual = usual_file(from);
  if (const auto text = read(usual)) return from_file(usual, *text);
  Credentials out;
  out.identity = Identity::metadata_server;
  const auto host = from("GCE_METADATA_HOST");
  out.token_url = "http://" + (host && !host->empty() ? *host : std::string(kMetadataHost));
  return out;
}

Place place_of(const Config& config, const char* emulator, const std::string& usual,
               const common::Environment& from) {
  Place out;
  out.url = without_slash(config.text("endpoint"));
  if (!out.url.empty() && !is_http(out.url))
    throw Error(CLEAT_INVALID,
                "endpoint: expected a URL that begins with http:// or https://, found '" + out.url + "'");
  if (out.url.empty()) {
    if (const auto said = from(emulator); said && !said->empty()) {
      out.url = without_slash(is_http(*said) ? *said : "http://" + *said);
      return out;
    }
    out.url = usual;
  }
  out.credentials = credentials_of(config, from);
  return out;
}

}  // namespace cleat::google
