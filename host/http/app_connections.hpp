#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/intrusive/list.hpp>
#include <deque>
#include <string>
#include <vector>

#include "base/asio_loop.hpp"
#include "http/app_connection.hpp"

namespace cleat::http {

struct AppOptions {
  std::string address = "127.0.0.1";  ///< a literal or a name
  std::uint16_t port = 0;
  std::string api_token;  ///< sent as dapr-api-token; empty: none
  std::string version;
  bool strict_dapr = false;
  std::uint32_t max_concurrency =
      0;  ///< calls at a time over all components, probes included; 0: no limit of its own
  std::uint32_t max_connections = 1024;  ///< bounds the calls too; further ones wait in the order they came
  std::uint32_t max_idle = 64;
  AppConnectionLimits connection;
};

/// All connections of one io thread to the application, shared by the components that live there. With a
/// limit on concurrency all components live on one io thread, so that the limit is kept here without a lock.
/// The loop's thread only.
class AppConnections final : public AppConnectionOwner {
 public:
  AppConnections(AppOptions options, AsioLoop& loop);
  AppConnections(const AppConnections&) = delete;
  AppConnections& operator=(const AppConnections&) = delete;
  /// Calls that still run are never answered.
  ~AppConnections() override;

  [[nodiscard]] const AppOptions& options() const { return options_; }
  /// The answer comes exactly once, later.
  void submit(AppCall&& call);
  /// Takes a call out that has not begun. False: it has.
  bool recall(AppCall::Cargo cargo);
  /// Whether all of its request went out on a connection that stands.
  [[nodiscard]] bool is_sent(AppCall::Cargo cargo) const;
  void abort(AppCall::Cargo cargo);

  [[nodiscard]] std::size_t idle_count() const { return idle_.size(); }

  // AppConnectionOwner
  AsioLoop& loop() override { return loop_; }
  json::Reader& json() override { return json_; }
  const AppConnectionLimits& limits() const override { return options_.connection; }
  void resolve(UniqueFunction<void(const Endpoints&, const std::string&)> found) override;
  void on_ended(AppConnection& connection, AppEnd&& end) override;
  void on_idle_closed(AppConnection& connection) override;

 private:
  void start(AppCall&& call);
  void connect(AppCall&& call);
  void start_waiting();
  /// `why` is a literal.
  void answer_later(AppCall&& call, Outcome outcome, std::string_view why);
  void forget(AppConnection& connection);

  const AppOptions options_;
  const std::uint32_t max_active_;
  AsioLoop& loop_;
  boost::asio::ip::tcp::resolver resolver_;
  Endpoints endpoints_;
  bool is_literal_ = false;
  std::uint64_t resolved_until_ns_ = 0;

  boost::intrusive::list<AppConnection> all_;  ///< each holds one reference
  std::vector<AppConnection*> idle_;           ///< the last one used is used first
  std::deque<AppCall> waiting_;
  std::uint32_t active_ = 0;
  json::Reader json_;
  MessageText answer_;  ///< of the call that ends now: its connection may be in use again already
};

}  // namespace cleat::http
