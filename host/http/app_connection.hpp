#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/asio_loop.hpp"
#include "base/json.hpp"
#include "http/app_call.hpp"
#include "http/batch_body.hpp"
#include "http/message_parser.hpp"

namespace cleat::http {

class AppConnection;

struct AppConnectionLimits {
  std::uint64_t connect_ns = 5 * kSecond;
  std::uint64_t vanished_ns =
      30 * kSecond;  ///< in which a request is acknowledged by the application's machine
  MessageLimits response{64 * 1024, 4 << 20};
};

/// How a call ended. The text is in the connection's response.
struct AppEnd {
  Outcome outcome = Outcome::answered;
  std::string error;
  bool reusable = false;                           ///< the connection takes another call
  std::vector<std::optional<Verdict>> verdicts{};  ///< of a batch's events, if a 2xx came
};

class AppConnectionOwner {
 public:
  using Endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

  virtual ~AppConnectionOwner() = default;
  virtual AsioLoop& loop() = 0;
  virtual json::Reader& json() = 0;
  virtual const AppConnectionLimits& limits() const = 0;
  /// Finds the application's addresses. `found` runs later or at once; empty: `why` says why.
  virtual void resolve(UniqueFunction<void(const Endpoints&, const std::string& why)> found) = 0;
  virtual void on_ended(AppConnection& connection, AppEnd&& end) = 0;
  /// An idle connection was closed by the application.
  virtual void on_idle_closed(AppConnection& connection) = 0;
};

/// One keep-alive connection to the application, with at most one call on it. A read is always under way on
/// it: it brings the answer, and tells when the application closes an idle connection. Memory is used again
/// by the next call.
class AppConnection final : public boost::intrusive_ref_counter<AppConnection, boost::thread_unsafe_counter>,
                            public boost::intrusive::list_base_hook<> {
 public:
  /// The owner may be gone once close() ran.
  explicit AppConnection(AppConnectionOwner& owner);

  /// Connects, then as begin().
  void connect(AppCall&& call);
  /// Sends a call over the idle connection. Its end is never told on this stack.
  void begin(AppCall&& call);
  /// Ends the call, later, whatever comes meanwhile.
  void fail_later(Outcome outcome, std::string error);
  /// Ends nothing: the call, if any, is forgotten.
  void close();

  /// Whether the application has neither closed the idle connection nor sent anything unasked.
  [[nodiscard]] bool is_usable();
  [[nodiscard]] bool carries(AppCall::Cargo cargo) const {
    return call_.cargo == cargo && state_ != State::idle;
  }
  [[nodiscard]] bool is_sent() const { return state_ == State::busy && all_written_; }
  /// Whether its call is not the first one on it.
  [[nodiscard]] bool was_kept() const { return kept_; }
  [[nodiscard]] MessageText& response() { return response_; }
  [[nodiscard]] AppCall take_call() { return std::move(call_); }

 private:
  enum class State : std::uint8_t { connecting, busy, idle, ending, closed };
  using Ptr = boost::intrusive_ptr<AppConnection>;

  void start_deadline();
  [[nodiscard]] std::uint64_t connect_limit() const;
  void connect_next(std::string why);
  void on_connected();
  void set_options();
  void set_tcp_option(int name, int value);
  void limit_silence();
  [[nodiscard]] MessageLimits response_limits() const;
  void send();
  void build_head();
  void write_out();
  void read_more();
  void on_read(const boost::system::error_code& error, std::size_t bytes);
  void parse();
  void on_input_end(const boost::system::error_code& error);
  void complete();
  void end(AppEnd&& end);
  void on_timer();

  AppConnectionOwner& owner_;
  boost::asio::ip::tcp::socket socket_;
  AppConnectionOwner::Endpoints endpoints_;
  std::size_t next_endpoint_ = 0;
  AppCall call_;
  State state_ = State::idle;
  std::string head_;
  std::string_view body_;  ///< of the event, or of the batch
  BatchBody batch_body_;
  std::size_t written_ = 0;
  bool all_written_ = true;
  bool reading_ = false;
  bool kept_ = false;
  bool silence_limited_ = false;
  bool response_begun_ = false;
  unsigned interim_ = 0;         ///< 1xx answers to this call
  unsigned interim_status_ = 0;  ///< of the last of them, until anything comes behind it
  std::uint64_t call_deadline_ns_ = 0;
  boost::beast::flat_buffer in_;
  MessageText response_;
  std::optional<ResponseParser> parser_;
  Timer timer_;
};

using AppConnectionPtr = boost::intrusive_ptr<AppConnection>;

}  // namespace cleat::http
