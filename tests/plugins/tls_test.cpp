#include <cleat/values.hpp>

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "common/tls.hpp"

namespace cleat::common {
namespace {

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

Context new_context() {
  return {SSL_CTX_new(TLS_client_method()), &SSL_CTX_free};
}

template <class F>
std::string pem(F&& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  write(bio);
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio, &text);
  std::string out(text, static_cast<std::size_t>(length));
  BIO_free(bio);
  return out;
}

/// A certificate that signs itself, and its key.
struct Pair {
  Pair() {
    EVP_PKEY* made = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, made);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1,
                               -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_sign(certificate, made, EVP_sha256());
    cert = pem([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
    key = pem([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, made, nullptr, nullptr, 0, nullptr, nullptr); });
    locked = pem([&](BIO* bio) {
      PEM_write_bio_PrivateKey(bio, made, EVP_aes_128_cbc(), nullptr, 0, nullptr,
                               const_cast<char*>("secret"));
    });
    X509_free(certificate);
    EVP_PKEY_free(made);
  }
  std::string cert, key, locked;
};

std::string refusal(const TlsText& text, const TlsNames& names = {}) {
  const Context context = new_context();
  try {
    use_pem(context.get(), text, false, names);
  } catch (const Error& error) {
    EXPECT_EQ(error.status, CLEAT_INVALID);
    return error.what();
  }
  return "(taken)";
}

TEST(Tls, TakesAnySubsetThatMakesSense) {
  const Pair pair;
  EXPECT_EQ(refusal({}), "(taken)");
  EXPECT_EQ(refusal({pair.cert, "", ""}), "(taken)");
  EXPECT_EQ(refusal({pair.cert, pair.cert, pair.key}), "(taken)");
  EXPECT_EQ(refusal({pair.cert + pair.cert, pair.cert + pair.cert, pair.key}), "(taken)");
}

TEST(Tls, ChecksTheServerUnlessToldNotTo) {
  const Context context = new_context();
  use_pem(context.get(), {}, false);
  EXPECT_EQ(SSL_CTX_get_verify_mode(context.get()), SSL_VERIFY_PEER);
  EXPECT_EQ(SSL_CTX_get_min_proto_version(context.get()), TLS1_2_VERSION);
  use_pem(context.get(), {}, true);
  EXPECT_EQ(SSL_CTX_get_verify_mode(context.get()), SSL_VERIFY_NONE);
}

TEST(Tls, NamesTheFieldAndNeverTheText) {
  const Pair pair, other;
  EXPECT_EQ(refusal({"", pair.cert, ""}),
            "clientKey: is missing while clientCert is set; give both or neither");
  EXPECT_EQ(refusal({"", "", pair.key}, {"ca", "crt", "pem"}),
            "crt: is missing while pem is set; give both or neither");
  EXPECT_EQ(refusal({"/etc/ca.pem", "", ""}).rfind("caCert: expected PEM text", 0), 0U);
  EXPECT_EQ(refusal({pair.key, "", ""}).rfind("caCert: expected PEM certificates, found none", 0), 0U);
  EXPECT_EQ(refusal({"", pair.cert, other.key})
                .rfind("clientKey: does not belong to the certificate in clientCert", 0),
            0U);
  EXPECT_EQ(
      refusal({"", pair.cert, pair.locked}).rfind("clientKey: expected a PEM key without a passphrase", 0),
      0U);
  const std::string broken = "-----BEGIN PRIVATE KEY-----\nTOPSECRET\n-----END PRIVATE KEY-----\n";
  EXPECT_EQ(refusal({"", pair.cert, broken}).find("TOPSECRET"), std::string::npos);
}

}  // namespace
}  // namespace cleat::common
