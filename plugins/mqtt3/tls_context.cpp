#include "tls_context.hpp"

#include <cleat/values.hpp>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>

namespace cleat::mqtt {
namespace {

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

/// A server that serves several names learns here which is meant. It is done in the context, because libmosquitto is given an
/// address to connect to and would send that.
void name_server(const SSL* connection, int where, int /*value*/) {
  if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
  const auto* name = static_cast<const std::string*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection)));
  auto* writable = const_cast<SSL*>(connection);  // the callback's signature is for those that only look
  const char* asked = is_address(*name) ? nullptr : name->c_str();
  SSL_set_tlsext_host_name(writable, const_cast<char*>(asked));
}

}  // namespace

void TlsContext::Free::operator()(SSL_CTX* context) const {
  SSL_CTX_free(context);
}

TlsContext::TlsContext(const MqttConfig& config)
    : name_(config.server.host), context_(SSL_CTX_new(TLS_client_method())) {
  if (!context_) throw Error(CLEAT_INTERNAL, "OpenSSL gives no context: " + common::tls_reasons());
  common::use_pem(context_.get(), config.tls, config.skip_verify);
  SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                       SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_app_data(context_.get(), const_cast<std::string*>(&name_));
  SSL_CTX_set_info_callback(context_.get(), name_server);
  if (config.skip_verify) return;
  X509_VERIFY_PARAM* check = SSL_CTX_get0_param(context_.get());
  X509_VERIFY_PARAM_set_hostflags(check, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int is_set = is_address(name_) ? X509_VERIFY_PARAM_set1_ip_asc(check, name_.c_str())
                                       : X509_VERIFY_PARAM_set1_host(check, name_.c_str(), name_.size());
  if (is_set != 1)
    throw Error(CLEAT_INVALID, "url: '" + name_ + "' is no name that a certificate can be checked for");
}

}  // namespace cleat::mqtt
