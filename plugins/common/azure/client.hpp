#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/azure/account.hpp"
#include "common/azure/failure.hpp"
#include "common/azure/shared_key.hpp"
#include "common/azure/token.hpp"
#include "common/curl/loop.hpp"

namespace cleat::azure {

/// One request to a storage service.
struct ServiceRequest {
  std::string what;  ///< for people: "Put Message"
  std::string method = "GET";
  std::string path;  ///< behind the account's address, encoded, with a slash in front; may be empty
  Query query;
  std::vector<common::HttpHeader> headers;
  std::string body;
  std::string_view borrowed_body;  ///< in place of `body`: stays until `done` has been called
  bool may_run_twice = false;
  std::uint64_t tag = 0;  ///< as in HttpRequest
  std::uint64_t deadline_ns = 0;
  std::uint64_t max_response_bytes = std::uint64_t{64} << 20U;
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
  [[nodiscard]] bool learns(const common::HttpResponse& answer, const std::string& token);

  common::CurlLoop& curl_;
  const Account& account_;
  std::string path_;  ///< of the account's address
  std::optional<TokenSource> tokens_;
  std::chrono::seconds clock_off_{0};  ///< how far the service's clock is ahead of ours
};

/// What an answer other than 2xx to `request` means.
Failure failure_of(const ServiceRequest& request, const common::HttpResponse& answer);

}  // namespace cleat::azure
