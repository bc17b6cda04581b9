#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/azure/account.hpp"
#include "common/azure/failure.hpp"
#include "common/azure/shared_key.hpp"
#include "common/azure/token.hpp"
#include "common/curl/loop.hpp"
#include "common/curl/service_request.hpp"

namespace cleat::azure {

/// One request to a storage service.
struct ServiceRequest : common::ServiceRequest {
  std::string path;  ///< behind the account's address, encoded, with a slash in front; may be empty
  /// The one status that says that it is done: another one of 2xx is an answer of somebody else, a proxy for one. 0: any.
  int done_status = 0;
  bool wants_sign =
      false;  ///< a success has to come with a header of Azure's (x-ms-...), as all of its answers do
};

/// Signs requests to one account and sends them. All but the constructor on the loop's thread.
class Client {
 public:
  /// Exactly one of the two is given.
  using Done = std::function<void(common::HttpResponse* answer, const Failure* failure)>;

  /// Both outlive it.
  Client(common::CurlLoop& curl, const Account& account);

  /// `done` is called once, by the deadline at the latest: with an answer of 2xx, or with what went wrong.
  void send(ServiceRequest request, Done done);
  /// Who waits for a token is told so. Only the destructor may follow, after the loop has stopped.
  void close();

 private:
  struct Sent;

  void authorize(const std::shared_ptr<Sent>& sent);
  void transmit(const std::shared_ptr<Sent>& sent, const std::string& token);
  void answered(const std::shared_ptr<Sent>& sent, common::HttpResponse* answer,
                const common::TransferFailure* failure);
  [[nodiscard]] std::vector<std::string> secrets_of(const Sent& sent) const;
  [[nodiscard]] bool learns(const common::HttpResponse& answer, const std::string& token);

  common::CurlLoop& curl_;
  const Account& account_;
  std::string path_;  ///< of the account's address
  std::optional<TokenSource> tokens_;
  std::chrono::seconds clock_off_{0};  ///< how far the service's clock is ahead of ours
};

/// What an answer other than 2xx to `request` means; the text holds none of `secrets`.
Failure failure_of(const ServiceRequest& request, const common::HttpResponse& answer,
                   std::vector<std::string> secrets);

}  // namespace cleat::azure
