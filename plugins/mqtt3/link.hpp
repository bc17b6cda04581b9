#pragma once

#include <openssl/types.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "resolver.hpp"
#include "tls_context.hpp"

namespace cleat::mqtt {

/// One TCP connection, with TLS or without, that never blocks. One thread.
class Link {
 public:
  enum class State { closed, connecting, handshaking, open };

  /// `tls` may be null and outlives the link.
  explicit Link(const TlsContext* tls) : tls_(tls) {}
  ~Link() { close(); }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Begins a new connection. `patience`: how long what was sent may stay unacknowledged by the other machine.
  void connect(const Address& address, std::chrono::milliseconds patience);
  void close();
  /// Goes on with connecting and with what waits to be sent, as far as that goes without waiting.
  void advance();
  /// Queues and sends as much as goes. Only while open.
  void send(std::string_view bytes);
  /// Appends what has come, at most about `most` bytes. False: nothing has. The link may be closed by it.
  bool receive(std::string& out, std::size_t most);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] int fd() const { return fd_; }
  /// What to poll for; `is_reading`: whether receive() would be called.
  [[nodiscard]] short events(bool is_reading) const;
  /// Why it is closed.
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  struct Free {
    void operator()(SSL* connection) const;
  };
  void fail(std::string why);
  void fail_with_errno(const char* what, int error);
  void finish_connecting();
  void begin_tls();
  void shake_hands();
  void flush();
  /// After a call of OpenSSL that did not do all it was asked: true if it is to be repeated later.
  bool must_wait(int result, const char* what);

  const TlsContext* tls_;
  std::unique_ptr<SSL, Free> secure_;
  int fd_ = -1;
  State state_ = State::closed;
  bool wants_write_ = false;
  std::string unsent_, why_;
};

}  // namespace cleat::mqtt
