#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/curl/loop.hpp"
#include "common/curl/service_request.hpp"
#include "common/google/credentials.hpp"
#include "common/google/token.hpp"

namespace cleat::google {

/// One request to a service of Google Cloud.
struct ServiceRequest : common::ServiceRequest {
  std::string url;                ///< encoded, without what is in `query`
  bool is_new_each_time = false;  ///< it may go out twice as it is, but another call would be another request
  int passes = 0;                 ///< an answer of this status beside 2xx is none that failed
};

/// Sends requests in one identity's name. All but the constructor on the loop's thread.
class Client {
 public:
  /// `failure` if it went wrong, and the answer beside it if there was one.
  using Done = std::function<void(common::HttpResponse* answer, const Failure* failure)>;

  /// Both outlive it.
  Client(common::CurlLoop& curl, const Credentials& credentials);

  /// `done` is called once, by the deadline at the latest: with an answer of 2xx or of `passes`, or with what went wrong.
  void send(ServiceRequest request, Done done);
  /// Who waits for a token is told so. Only the destructor may follow, after the loop has stopped.
  void close();

 private:
  struct Sent;

  void authorize(const std::shared_ptr<Sent>& sent);
  void transmit(const std::shared_ptr<Sent>& sent, const std::string& token);
  void answered(const std::shared_ptr<Sent>& sent, common::HttpResponse* answer,
                const common::TransferFailure* failure);

  common::CurlLoop& curl_;
  const Credentials& credentials_;
  std::optional<TokenSource> tokens_;
};

/// What an answer that is an error means; the text does not hold the token that was shown.
Failure failure_of(const ServiceRequest& request, const common::HttpResponse& answer,
                   const std::string& token);

}  // namespace cleat::google
