#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/aws/body_hashes.hpp"
#include "common/aws/failure.hpp"
#include "common/aws/key_cache.hpp"
#include "common/aws/settings.hpp"
#include "common/aws/signature.hpp"
#include "common/curl/loop.hpp"

namespace cleat::aws {

/// One request to a service.
struct ServiceRequest {
  std::string what;  ///< for people: "SQS ReceiveMessage"
  std::string method = "POST";
  std::string path = "/";  ///< encoded, with the query
  std::string host;        ///< in place of the endpoint's, for S3: "bucket.s3.eu-west-1.amazonaws.com"
  std::vector<common::HttpHeader> headers;
  std::string body;
  std::string_view borrowed_body;  ///< in place of `body`: stays until `done` has been called
  bool has_body = true;
  bool may_run_twice = false;
  std::uint64_t tag = 0;  ///< as in HttpRequest
  std::uint64_t deadline_ns = 0;
  std::uint64_t max_response_bytes = std::uint64_t{64} << 20U;
  std::function<void()> on_begin;  ///< as in HttpRequest
};

/// Signs requests to one service and sends them. All but the constructor on the loop's thread.
class Client {
 public:
  /// One of the two is given, or both: an answer other than 2xx, and what it means.
  using Done = std::function<void(common::HttpResponse* answer, const Failure* failure)>;

  /// Throws Error if the credentials cannot be set up.
  Client(common::CurlLoop& curl, const Settings& settings, std::string service, bool is_s3 = false);

  /// `done` is called once, by the deadline at the latest.
  void send(ServiceRequest request, Done done);
  /// As send(), for an URL instead of a request: `done` gets it, or why there is none.
  void presign(const ServiceRequest& request, std::uint64_t seconds,
               std::function<void(const std::string* url, const Failure* failure)> done);
  /// Any thread. Ends what was sent with this tag, but for what waits for credentials.
  void cancel(std::uint64_t tag);
  /// What has not gone out yet is told that the component stops. Only the destructor may follow.
  void close();

 private:
  struct Sent;
  using GotKeys = std::function<void(const KeysPtr& keys, const Failure* failure)>;

  void sign_and_send(const std::shared_ptr<Sent>& sent);
  void get_keys(const std::string& what, std::uint64_t deadline_ns, GotKeys got);
  void transmit(const std::shared_ptr<Sent>& sent, const KeysPtr& keys);
  void answered(const std::shared_ptr<Sent>& sent, common::HttpResponse* answer,
                const common::TransferFailure* failure);
  void learn(const Failure& failure, const common::HttpResponse& answer, const KeysPtr& keys);
  [[nodiscard]] std::string url_of(const ServiceRequest& request) const;
  [[nodiscard]] Scope scope() const;

  common::CurlLoop& curl_;
  const Settings settings_;
  const std::string service_;
  const bool is_s3_;
  BodyHashes hashes_;
  KeyCache keys_;
  std::int64_t clock_off_s_ = 0;  ///< how far AWS's clock is ahead of ours
};

}  // namespace cleat::aws
