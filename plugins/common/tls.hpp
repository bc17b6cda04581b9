#pragma once

#include <openssl/types.h>

#include <string>

namespace cleat::common {

/// PEM text of a component's fields. Any of them may be empty.
struct TlsText {
  std::string ca;    ///< certificates that sign the server's; the system's if empty
  std::string cert;  ///< certificate to show, with its chain behind it
  std::string key;   ///< its key
};

/// The names of the fields, for what an error says.
struct TlsNames {
  const char* ca = "caCert";
  const char* cert = "clientCert";
  const char* key = "clientKey";
};

/// Loads `text` into `context` and has the server's certificate checked unless `skip_verify`; TLS 1.2 is the
/// least. The name of the server is for the connection to check (SSL_set1_host). Throws Error(CLEAT_INVALID)
/// that names the field, what was expected and what is wrong with it, never any of its text. Any thread.
void use_pem(SSL_CTX* context, const TlsText& text, bool skip_verify, const TlsNames& names = {});

/// What use_pem() would throw, for a client library that makes its contexts itself: a fault in a text is to be said at
/// the beginning and not with each connection.
void check_pem(const TlsText& text, bool skip_verify, const TlsNames& names = {});

/// The reasons that OpenSSL left in this thread's queue, which is empty afterwards; "no reason given" without.
std::string tls_reasons();

}  // namespace cleat::common
