#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "client.hpp"
#include "nats_config.hpp"

namespace cleat::nats {

/// One connection, from the login to its end. It does not come back after a loss: what was published and not sent is gone
/// with it, so that nothing is sent behind the back of a call that has failed. All its input and output is done by one thread
/// of its own, the library's event loop: left to itself the library reads and writes a TLS connection from two threads at once,
/// which OpenSSL does not allow (nats.c before 3.11), and blocks whoever publishes while the system's buffer is full.
class Session {
 public:
  /// Connects, with TLS and login; blocks, at worst for as long as the system needs for a name or a dead peer.
  /// Fills `failure` and gives nothing if none of the servers lets us in.
  static std::unique_ptr<Session> open(const ServerConfig& config, Failure& failure);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  /// Sends what is buffered, for half a second at most. No function of watch() runs any more when this returns.
  ~Session();

  /// On a thread of the library. `closed` at once if the connection is gone by now; `complained`: the server's words about
  /// something it refused, a subject that we may not use for one.
  void watch(std::function<void()> closed, std::function<void(const std::string&)> complained);
  /// Most bytes of headers and data together that the server takes.
  [[nodiscard]] std::int64_t max_payload() const { return natsConnection_GetMaxPayload(connection_); }
  /// Whether the server has refused something on this connection, at any time: watch() tells what, perhaps a little later.
  [[nodiscard]] bool has_refused() const;
  [[nodiscard]] natsConnection* get() const { return connection_; }

  /// Does not block. After a failure the connection is of no use.
  natsStatus publish(const std::string& subject, std::string_view data) {
    return natsConnection_Publish(connection_, subject.c_str(), data.data(), static_cast<int>(data.size()));
  }
  /// An answer is wanted at `reply`; an empty one: none.
  natsStatus publish(const std::string& subject, const std::string& reply, std::string_view data);
  natsStatus publish(natsMsg* message) { return natsConnection_PublishMsg(connection_, message); }
  /// Bytes that were published and are not sent yet.
  [[nodiscard]] std::size_t buffered() const;
  /// Waits until the server has taken all that was published before.
  natsStatus flush(std::int64_t timeout_ms) { return natsConnection_FlushTimeout(connection_, timeout_ms); }

 private:
  struct Shared;
  struct Login;
  struct Io;
  Session();

  std::unique_ptr<Login> login_;
  std::unique_ptr<Io> io_;
  std::unique_ptr<Shared> shared_;
  natsConnection* connection_ = nullptr;
};

}  // namespace cleat::nats
