#pragma once

#include <cleat/values.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/environment.hpp"
#include "common/google/rsa_key.hpp"

namespace cleat::google {

/// How to become somebody for Google Cloud.
enum class Identity {
  nobody,            ///< an emulator asks for no token
  service_account,   ///< a key that signs
  authorized_user,   ///< what `gcloud auth application-default login` leaves
  external_account,  ///< workload identity federation: a token of somebody else's is exchanged
  metadata_server,   ///< what the machine is
};

/// Where the token of somebody else's comes from: a file or an address, plain or a member of JSON. It is read each time.
struct SubjectToken {
  std::string file, url;
  std::vector<std::pair<std::string, std::string>> headers;  ///< for the address
  std::string member;                                        ///< empty: the whole of it
};

struct Credentials {
  Identity identity = Identity::nobody;
  std::string project;        ///< who pays for requests of a user
  std::string token_url;      ///< where tokens are given out; of the metadata server: its address
  std::string email, key_id;  ///< of a service account
  std::shared_ptr<const RsaKey> key;
  std::string client_id, client_secret, refresh_token;  ///< of a user
  std::string audience, subject_token_type;             ///< of an external account, and the three below
  SubjectToken subject;
  std::string impersonation_url;  ///< gives a token of a service account for what was exchanged; may be empty
  std::string iam_url =
      "https://iamcredentials.googleapis.com";  ///< signs in the name of an account without a key
};

/// A component's: privateKeyID and what belongs to it if that is set; otherwise the file that
/// GOOGLE_APPLICATION_CREDENTIALS names, gcloud's own file, the metadata server (GCE_METADATA_HOST), in this order. Throws
/// Error(CLEAT_INVALID or CLEAT_UNSUPPORTED) that names the field or the file, never with a secret. Asks nobody.
Credentials credentials_of(const Config& config, const common::Environment& from = common::environment);

/// Where a service is: a host, and who we are there.
struct Place {
  std::string url;  ///< without a slash at its end
  Credentials credentials;
};

/// `endpoint` if it is set, with real credentials; otherwise what `emulator`, a variable, says, as nobody; otherwise `usual`.
Place place_of(const Config& config, const char* emulator, const std::string& usual,
               const common::Environment& from = common::environment);

}  // namespace cleat::google
