#include "common/tls.hpp"

#include <cleat/values.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <memory>

namespace cleat::common {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

[[noreturn]] void refuse(const char* field, const std::string& what) {
  throw Error(CLEAT_INVALID, std::string(field) + ": " + what);
}

Owned<BIO> reader(const char* field, const std::string& text) {
  if (text.find("-----BEGIN ") == std::string::npos) {
    refuse(field,
           "expected PEM text, from -----BEGIN to -----END, found none; give the text itself, not the name "
           "of a file");
  }
  Owned<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!bio) refuse(field, "no memory to read it");
  return bio;
}

// A key with a passphrase must not make OpenSSL ask on the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return -1;
}

Owned<X509> next_certificate(BIO* bio) {
  return Owned<X509>(PEM_read_bio_X509(bio, nullptr, no_passphrase, nullptr));
}

void use_ca(SSL_CTX* context, const std::string& text, const char* field) {
  if (text.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    return;
  }
  const Owned<BIO> bio = reader(field, text);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  int count = 0;
  for (Owned<X509> one = next_certificate(bio.get()); one; one = next_certificate(bio.get())) {
    X509_STORE_add_cert(store, one.get());
    ++count;
  }
  const std::string reasons = tls_reasons();  // the end of the text is one of them
  if (count == 0) refuse(field, "expected PEM certificates, found none that can be read: " + reasons);
}

void use_certificate(SSL_CTX* context, const std::string& text, const char* field) {
  const Owned<BIO> bio = reader(field, text);
  const Owned<X509> leaf = next_certificate(bio.get());
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    refuse(field, "expected a PEM certificate, found none that can be used: " + tls_reasons());
  }
  for (Owned<X509> one = next_certificate(bio.get()); one; one = next_certificate(bio.get()))
    SSL_CTX_add1_chain_cert(context, one.get());
  ERR_clear_error();  // the end of the text
}

void use_key(SSL_CTX* context, const std::string& text, const char* field, const char* certificate_field) {
  const Owned<BIO> bio = reader(field, text);
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key)
    refuse(field, "expected a PEM key without a passphrase, found none that can be read: " + tls_reasons());
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    refuse(field,
           "does not belong to the certificate in " + std::string(certificate_field) + ": " + tls_reasons());
  }
}

}  // namespace

std::string tls_reasons() {
  std::string text;
  for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    if (!text.empty()) text += ", ";
    text += reason != nullptr ? reason : "error " + std::to_string(code);
  }
  return text.empty() ? "no reason given" : text;
}

void use_pem(SSL_CTX* context, const TlsText& text, bool skip_verify, const TlsNames& names) {
  ERR_clear_error();
  if (text.cert.empty() != text.key.empty()) {
    const char* missing = text.cert.empty() ? names.cert : names.key;
    const char* given = text.cert.empty() ? names.key : names.cert;
    refuse(missing, "is missing while " + std::string(given) + " is set; give both or neither");
  }
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  use_ca(context, text.ca, names.ca);
  if (!text.cert.empty()) {
    use_certificate(context, text.cert, names.cert);
    use_key(context, text.key, names.key, names.cert);
  }
  SSL_CTX_set_verify(context, skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
}

void check_pem(const TlsText& text, bool skip_verify, const TlsNames& names) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  &SSL_CTX_free);
  if (!context) throw Error(CLEAT_INTERNAL, "OpenSSL gives no context: " + tls_reasons());
  use_pem(context.get(), text, skip_verify, names);
}

}  // namespace cleat::common
