#pragma once

#include <cleat/plugin.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/event_loop.hpp"

namespace cleat::common {

struct HttpHeader {
  std::string name, value;
  bool is_secret =
      false;  ///< stays with the server it was meant for: a redirect to another one goes without it
};

/// What goes out over HTTP.
struct HttpRequest {
  std::uint64_t tag = 0;  ///< for cancel(); several may share one
  std::string method = "GET";
  std::string url;
  std::vector<HttpHeader> headers;
  std::string_view body;  ///< the caller's: stays until `done` has been called
  bool has_body = false;
  /// The far end may get it twice: it is sent again if a kept connection ends before there was an answer.
  bool may_run_twice = false;
  bool is_direct = false;                ///< never over a proxy
  bool follow_redirects = false;         ///< at most ten, and never from https to http
  std::uint64_t deadline_ns = 0;         ///< CLOCK_MONOTONIC
  std::uint64_t max_response_bytes = 0;  ///< of the body; 0: no bound
  /// Called, if given, on the loop's thread when a connection is there and the request goes out over it; for each attempt.
  std::function<void()> on_begin;
};

struct HttpResponse {
  int status = 0;
  std::string reason;  ///< HTTP/2 has none
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool was_carried_out = false;  ///< a redirect led here from a request that must not run twice
};

/// One mail.
struct MailRequest {
  enum class Tls { none, when_offered, required, implicit };
  std::uint64_t tag = 0;  ///< for cancel()
  std::string host;
  std::uint16_t port = 0;
  Tls tls = Tls::when_offered;  ///< of STARTTLS, but for `implicit`; what was offered has to work
  std::string user, password;
  std::string from;
  std::vector<std::string> to;
  std::string text;  ///< all of it, header lines too
  std::uint64_t deadline_ns = 0;
};

/// Why a transfer ended without an answer of the far end, or with one that cannot be used.
struct TransferFailure {
  enum class Kind {
    invalid,      ///< it could not even begin
    throttled,    ///< too many are waiting already
    unreachable,  ///< no such name, nobody listens, no way there
    tls,
    timeout,
    too_large,  ///< the answer
    broken,     ///< the connection ended
    refused,    ///< by the far end
    login,      ///< the far end does not take user and password
    cancelled
  };
  Kind kind = Kind::broken;
  bool was_sent = false;  ///< the far end may have had it; of a mail: all of it
  long code = 0;          ///< the far end's own, if it gave one: of SMTP
  std::string text;       ///< for people, without secrets
};

cleat_status status_of(TransferFailure::Kind kind);

/// GET, HEAD, OPTIONS, TRACE, PUT and DELETE: twice is as good as once (RFC 9110).
bool is_idempotent(std::string_view method);

/// Transfers of libcurl on one thread: connections are kept and used again, also by several transfers at once where
/// HTTP/2 is spoken. After a request that got no answer in time none of the connections of then is used again, not
/// even by chance. Proxies are those of the environment, as libcurl reads it.
class CurlLoop {
 public:
  struct Options {
    std::string ca, cert, key;  ///< PEM text; without `ca` the system's certificates count
    bool skip_verify = false;
    std::chrono::milliseconds connect_within{15'000};  ///< the TLS handshake included
    long max_connections = 100;        ///< transfers beyond wait for one, until their deadline
    std::size_t max_transfers = 4096;  ///< begun or waiting; what comes on top fails as throttled
    std::string user_agent = "cleat";
  };
  /// One of the two is given, or both: an answer that broke off.
  using HttpDone = std::function<void(HttpResponse*, const TransferFailure*)>;
  using MailDone = std::function<void(const TransferFailure*)>;

  explicit CurlLoop(Options options);
  CurlLoop(const CurlLoop&) = delete;
  CurlLoop& operator=(const CurlLoop&) = delete;
  ~CurlLoop();

  void start();
  /// Ends every transfer as cancelled, and the thread.
  void stop();

  /// Any thread. `done` is called once, by the deadline at the latest, on the loop's thread; or at once, on this one,
  /// if the loop has stopped.
  void send(HttpRequest request, HttpDone done);
  void send(MailRequest request, MailDone done);
  /// Any thread. Ends what was sent with this tag; nothing if that has ended.
  void cancel(std::uint64_t tag);

  /// What `done` is called on, for timers and tasks of who sends. Its start and its end are start() and stop() here.
  EventLoop& loop() { return loop_; }

 private:
  struct Transfer;
  class Pool;
  struct FreeEasy {
    void operator()(void* easy) const;
  };
  using Easy = std::unique_ptr<void, FreeEasy>;  ///< an easy handle of libcurl

  void post(const std::shared_ptr<Transfer>& transfer);
  void begin(const std::shared_ptr<Transfer>& transfer);
  bool perform(Transfer& transfer);
  void expire(const std::shared_ptr<Transfer>& transfer);
  void abandon(const std::shared_ptr<Transfer>& transfer, const TransferFailure& failure);
  void finished(Transfer* raw, int code);
  void end(const std::shared_ptr<Transfer>& transfer, const TransferFailure* failure);
  std::shared_ptr<Pool> new_pool();
  void retire_pool();
  void stop_transfers();

  const Options options_;
  EventLoop loop_;
  std::shared_ptr<Pool> pool_;
  std::vector<std::shared_ptr<Pool>> retired_;  ///< until their last transfer has ended
  std::unordered_map<std::uint64_t, std::shared_ptr<Transfer>> transfers_;
  std::vector<Easy> spare_;  ///< of HTTP transfers that have ended well
  std::uint64_t last_ = 0;
  bool stopped_ = false;
};

}  // namespace cleat::common
