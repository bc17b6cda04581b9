#pragma once

#include <atomic>
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

/// What goes out over HTTP. `body` is the caller's and has to stay until `done` has been called.
struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string_view body;
  bool has_body = false;
  std::uint64_t deadline_ns = 0;         ///< CLOCK_MONOTONIC
  std::uint64_t max_response_bytes = 0;  ///< 0: no bound
  bool follow_redirects = false;
};

struct HttpResponse {
  int status = 0;
  std::string reason;  ///< HTTP/2 has none
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// One mail. `text` is all of it, header lines too.
struct MailRequest {
  std::string url;  ///< smtp://host:port or smtps://host:port
  std::string user, password;
  std::string from;
  std::vector<std::string> to;
  std::string text;
  bool use_tls = true;     ///< STARTTLS where it is offered
  bool needs_tls = false;  ///< and nothing without it
  std::uint64_t deadline_ns = 0;
};

/// Why a transfer ended without an answer of the far end.
struct TransferFailure {
  enum class Kind { invalid, unreachable, tls, timeout, too_large, broken, refused, cancelled };
  Kind kind = Kind::broken;
  bool was_sent = false;  ///< the far end may have had it
  long code = 0;          ///< the far end's own, if it gave one: of SMTP
  std::string text;
};

/// Transfers of libcurl on one thread: connections are kept and used again, also several transfers at once on
/// one where HTTP/2 is spoken. Proxies are those of the environment, as libcurl reads it.
class CurlLoop {
 public:
  struct Options {
    std::string ca, cert, key;  ///< PEM text; without `ca` the system's certificates count
    bool skip_verify = false;
    std::chrono::milliseconds connect_within{15'000};
    long max_connections = 100;
    std::string user_agent = "cleat";
  };
  using HttpDone =
      std::function<void(HttpResponse*, const TransferFailure*)>;  ///< one of the two is given, or both
  using MailDone = std::function<void(const TransferFailure*)>;

  explicit CurlLoop(Options options);
  CurlLoop(const CurlLoop&) = delete;
  CurlLoop& operator=(const CurlLoop&) = delete;
  ~CurlLoop();

  void start();
  /// Ends every transfer as cancelled, and the thread.
  void stop();

  /// Any thread. `done` is called once, on the loop's thread. The number is for cancel(), which may come late.
  std::uint64_t send(HttpRequest request, HttpDone done);
  std::uint64_t send(MailRequest request, MailDone done);
  void cancel(std::uint64_t transfer);

 private:
  struct Transfer;
  struct Multi;

  void begin(const std::shared_ptr<Transfer>& transfer);
  void abandon(const std::shared_ptr<Transfer>& transfer, const TransferFailure& failure);
  void end(const std::shared_ptr<Transfer>& transfer, const TransferFailure* failure);
  void collect();
  void socket_action(int descriptor, int events);
  void watch(int descriptor, int what);
  void arm(long wait_ms);

  const Options options_;
  EventLoop loop_;
  std::unique_ptr<Multi> multi_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Transfer>> transfers_;
  std::unordered_map<int, std::uint32_t> watched_;
  EventLoop::TimerId timer_ = 0;
  std::atomic<std::uint64_t> last_{0};
  bool wants_fresh_ = false;  ///< a transfer ran out of time: its connection may be dead
  bool stopped_ = false;
};

}  // namespace cleat::common
