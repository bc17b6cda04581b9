#include <openssl/ssl.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "common/text.hpp"
#include "names.hpp"
#include "nats_config.hpp"
#include "nkey.hpp"
#include "server_config.hpp"

namespace cleat::nats {
namespace {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

/// One server as nats://host:port or tls://host:port, without an @.
std::string read_url(std::string_view text) {
  const std::size_t mark = text.find("://");
  const std::string scheme = mark == std::string_view::npos ? "nats" : common::lower(text.substr(0, mark));
  std::string_view host = mark == std::string_view::npos ? text : text.substr(mark + 3);
  host = host.substr(0, host.find('/'));
  if (scheme != "nats" && scheme != "tls")
    refuse("url", "expected nats://host:port or tls://host:port, found the scheme '" + scheme + "'");
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const std::string_view name = host.substr(0, colon);
  const std::string_view port = colon == std::string_view::npos ? "4222" : host.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (name.empty() || name.find_first_of(" \t\r\n") != std::string_view::npos || error != std::errc() ||
      end != port.data() + port.size() || number == 0)
    refuse("url", "expected nats://host:port, several of them with commas between, found '" +
                      std::string(text) + "'");
  return scheme + "://" + std::string(name) + ":" + std::string(port);
}

void read_urls(const Config& config, ServerConfig& out) {
  const std::string given = config.text("url");
  // Before anything is cut or told: there may be a comma or a slash in the password.
  if (given.find('@') != std::string::npos)
    refuse("url",
           "expected host and port only, found a user or password in front of the host; give those in "
           "username, password or token");
  for (const std::string_view one : common::split_list(given))
    out.urls.push_back(read_url(one));
  if (out.urls.empty()) refuse("url", "is missing: name the server as nats://host:port");
}

/// The one way to log in that is given; two at once are a mistake that the server would not say.
void read_login(const Config& config, ServerConfig& out) {
  out.username = config.text("username");
  out.password = config.text("password");
  out.token = config.text("token");
  out.nkey_seed = common::trimmed(config.text("nkeySeed"));
  out.credentials = config.text("credentials");
  out.credentials_file = config.text("credentialsFile");
  std::string given;
  int ways = 0;
  const auto count = [&](const std::string& value, const char* name) {
    if (value.empty()) return;
    ++ways;
    given += (given.empty() ? "" : ", ") + std::string(name);
  };
  count(out.username, "username");
  count(out.token, "token");
  count(out.nkey_seed, "nkeySeed");
  count(out.credentials, "credentials");
  count(out.credentials_file, "credentialsFile");
  if (ways > 1) refuse("username", "expected one way to log in, found several: " + given);
  if (out.username.empty() != out.password.empty())
    refuse(out.username.empty() ? "username" : "password",
           "is missing while " + std::string(out.username.empty() ? "password" : "username") +
               " is set; give both or neither");
  if (!out.nkey_seed.empty()) {
    const auto key = public_nkey(out.nkey_seed);
    if (!key)
      refuse("nkeySeed", "expected the seed of a user's nkey (it begins with SU), found something else");
    out.nkey = *key;
  }
  if (!out.credentials.empty() && !parse_credentials(out.credentials))
    refuse("credentials",
           "expected the text of a .creds file, with a block NATS USER JWT and a block USER NKEY SEED; give "
           "the text "
           "itself here, or the name of the file in credentialsFile");
}

void read_tls(const Config& config, ServerConfig& out, std::vector<std::string>& warnings) {
  out.pem = {config.text("caCert"), config.text("clientCert"), config.text("clientKey")};
  out.skip_verify = config.boolean("skipVerify", false);
  out.tls_server_name = config.text("tlsServerName");
  const bool by_url =
      std::any_of(out.urls.begin(), out.urls.end(), [](const auto& url) { return url[0] == 't'; });
  const bool by_pem = !out.pem.ca.empty() || !out.pem.cert.empty() || !out.pem.key.empty();
  out.tls = config.boolean("tls", by_url || by_pem);
  if (!out.tls && by_url) refuse("tls", "is false while a url begins with tls://; take one of the two away");
  if (by_pem && !out.tls)
    refuse("tls", "is false while caCert, clientCert or clientKey is set; take one of the two away");
  if (!out.tls) return;
  const std::unique_ptr<SSL_CTX, FreeContext> tried(SSL_CTX_new(TLS_client_method()));
  if (!tried) throw Error(CLEAT_INTERNAL, "no memory for a TLS context");
  common::use_pem(tried.get(), out.pem, out.skip_verify);
  if (out.skip_verify)
    warnings.emplace_back(
        "skipVerify: the server's certificate is not checked, anybody on the way may read along");
}

}  // namespace

void refuse(std::string_view field, const std::string& what) {
  throw Error(CLEAT_INVALID, std::string(field) + ": " + what);
}

std::chrono::milliseconds positive(const Config& config, std::string_view field,
                                   std::chrono::milliseconds fallback, std::chrono::milliseconds most) {
  const std::chrono::nanoseconds given = config.duration(field, fallback);
  if (given <= std::chrono::nanoseconds(0) || given > most)
    refuse(field, "expected a duration above 0 and up to " + std::to_string(most.count() / 1'000) + "s");
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(given), std::chrono::milliseconds(1));
}

ServerConfig read_server(const Config& config, std::vector<std::string>& warnings) {
  ServerConfig out;
  read_urls(config, out);
  read_login(config, out);
  read_tls(config, out, warnings);
  out.client_name = config.text("clientName");
  if (out.client_name.empty()) out.client_name = config.component();
  out.inbox_prefix = config.text("inboxPrefix", "_INBOX");
  if (const std::string fault = subject_fault(out.inbox_prefix); !fault.empty())
    refuse("inboxPrefix", "'" + out.inbox_prefix + "' " + fault);
  out.connect_timeout = positive(config, "connectTimeout", out.connect_timeout, std::chrono::minutes(1));
  out.ping_interval = positive(config, "pingInterval", out.ping_interval, std::chrono::hours(1));
  return out;
}

}  // namespace cleat::nats
