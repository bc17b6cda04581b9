#pragma once

#include <openssl/types.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/event_loop.hpp"
#include "common/resolver.hpp"
#include "redis_config.hpp"

struct redisAsyncContext;

namespace cleat::redis {

/// A reply, looked at while its callback runs.
class Reply {
 public:
  enum class Kind { none, nothing, error, integer, text, array };

  Reply() = default;
  explicit Reply(const void* raw) : raw_(raw) {}
  /// none: the connection ended before there was one.
  [[nodiscard]] Kind kind() const;
  /// Of a text, a status or an error.
  [[nodiscard]] std::string_view text() const;
  [[nodiscard]] std::int64_t integer() const;
  /// Of an array; 0 of anything else.
  [[nodiscard]] std::size_t size() const;
  /// A reply of kind `none` if there is no such element.
  [[nodiscard]] Reply at(std::size_t index) const;
  [[nodiscard]] bool is_error() const { return kind() == Kind::error; }
  /// The first word of an error, which says its kind; empty if it is none.
  [[nodiscard]] std::string_view error_word() const {
    return is_error() ? text().substr(0, text().find(' ')) : std::string_view();
  }

 private:
  const void* raw_ = nullptr;
};

struct FreeContext {
  void operator()(SSL_CTX* context) const;
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeContext>;

/// A TLS context for `config`, or none without TLS. Throws Error(CLEAT_INVALID).
TlsContext make_tls(const RedisConfig& config);

/// What connections are made with; outlives them.
struct Network {
  common::EventLoop& loop;
  common::Resolver& resolver;
  SSL_CTX* tls = nullptr;  ///< none: plain
};

/// One connection, from its beginning to its end; who wants another makes another. On the loop's thread.
class Link : public std::enable_shared_from_this<Link> {
 public:
  using Done = std::function<void(const Reply&)>;

  struct Options {
    Endpoint to;
    Login login;
    std::int64_t database = 0;
    std::chrono::nanoseconds connect_within{0};
    std::chrono::nanoseconds answer_within{
        0};  ///< that nothing moves while an answer is awaited; 0: for ever
    unsigned attempt =
        0;  ///< which of a host's addresses comes first: one that swallows packets uses up the time
  };
  /// Called from a callback of the loop, never from inside connect() or send(). `up` once at most, `down` once.
  struct Watcher {
    std::function<void()> up;
    std::function<void(cleat_status status, const std::string& why)> down;
  };

  static std::shared_ptr<Link> connect(const Network& network, Options options, Watcher watcher);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link();

  /// Only while up. `done` gets the reply, or one of kind `none` when the connection ends first. `patience`
  /// stands in for answer_within: for a command that may wait on purpose.
  void send(std::string_view wire, Done done, std::chrono::nanoseconds patience = {});

  /// Ends it without a word: no callback comes any more, commands that are out get theirs with kind `none`.
  void close();
  /// Ends it as if the connection had broken.
  void fail(cleat_status status, const std::string& why);

  [[nodiscard]] bool is_up() const { return up_; }
  [[nodiscard]] const Endpoint& to() const { return options_.to; }

 private:
  Link(const Network& network, Options options, Watcher watcher);
  void begin();
  void try_next_address();
  [[nodiscard]] bool begin_tls();
  void hook();
  void connected(bool is_connected);
  void watch();
  void handle(std::uint32_t events);
  void flush();
  void shake_hands();
  void hand_shaken(const Reply& reply);
  void came_up();
  void ended(cleat_status status, const std::string& why);
  void look_soon();
  void look();

  const Network network_;
  common::EventLoop& loop_;
  const Options options_;
  Watcher watcher_;
  common::Addresses found_;
  std::size_t tried_ = 0;
  redisAsyncContext* context_ = nullptr;
  int descriptor_ = -1;
  bool up_ = false, over_ = false, wants_read_ = false, wants_write_ = false, flushing_ = false;
  std::uint32_t watched_ = 0;
  int shakes_ = 0;
  struct Waiting {
    std::chrono::steady_clock::time_point since;
    std::chrono::nanoseconds patience;
  };
  std::deque<Waiting> waiting_;  ///< the commands that are out, in their order
  std::chrono::steady_clock::time_point moved_at_;
  int unsent_ = 0;  ///< bytes that the far end's system had not taken when we looked last
  common::EventLoop::TimerId look_timer_ = 0, connect_timer_ = 0;
};

}  // namespace cleat::redis
