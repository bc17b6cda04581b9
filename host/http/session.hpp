#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/intrusive/list.hpp>
#include <optional>
#include <string>

#include "base/asio_loop.hpp"
#include "http/exchange.hpp"
#include "http/message_parser.hpp"
#include "http/router.hpp"

namespace cleat::http {

class Session;
using SessionPtr = boost::intrusive_ptr<Session>;

struct SessionLimits {
  MessageLimits message;
  std::uint64_t header_ns = 10 * kSecond;  ///< from a request's first byte to the end of its headers
  std::uint64_t idle_ns = 600 * kSecond;   ///< between requests
  std::uint64_t stall_ns = 60 * kSecond;   ///< a body, or an answer being taken, without progress
  std::uint64_t linger_ns = 2 * kSecond;   ///< what still comes after the last answer is read and thrown away
  std::uint32_t least_body_bytes_per_s = 1024;  ///< beyond stall_ns a body has to come at this pace at least
};

/// What the sessions of one io thread share.
class SessionOwner {
 public:
  virtual ~SessionOwner() = default;
  virtual AsioLoop& loop() = 0;
  virtual Router& router() = 0;
  virtual const SessionLimits& limits() const = 0;
  /// Answers are the last ones on their connections.
  virtual bool stopping() const = 0;
  virtual void on_closed(Session& session) = 0;
};

/// One client's connection on its io thread: reads requests, has them answered one after the other, writes
/// the answers in order. Written directly to the socket and only waiting when that would block; memory is
/// used again by the next request.
class Session final : public Exchange, public boost::intrusive::list_base_hook<> {
 public:
  /// The owner outlives every open session, but may be gone once close() ran.
  Session(SessionOwner& owner, boost::asio::ip::tcp::socket socket);
  ~Session() override = default;

  void start();
  /// Closes if nothing is being asked; otherwise the next answer is the last.
  void stop();
  void close();

  void respond(Response&& response) override;
  [[nodiscard]] bool wanted() override;

 private:
  static constexpr std::size_t kKeptBody =
      256 * 1024;  ///< memory for bodies that an idle connection may keep

  enum class Phase : std::uint8_t { idle, header, body, answering, draining, closed };

  void run();
  [[nodiscard]] bool can_parse() const;
  void parse_step();
  void on_header();
  void on_starved();
  void answer_fault(ParseFault fault);
  void answer_and_close(Response&& response);
  void end_request();
  bool write_out();
  void wait_writable();
  void on_writable();
  void read_more();
  void on_read(const boost::system::error_code& error, std::size_t bytes);
  void finish();
  void set_deadline(std::uint64_t when_ns);
  void on_timer();

  SessionPtr self() { return SessionPtr(this); }

  SessionOwner& owner_;
  boost::asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer in_;
  MessageText request_;
  std::optional<RequestParser> parser_;
  Route route_;
  Phase phase_ = Phase::idle;
  bool running_ = false;  ///< run() is on the stack
  bool starved_ = true;   ///< nothing can be parsed before more is read
  bool reading_ = false;
  bool waiting_writable_ = false;
  bool close_after_ = false;  ///< no request is taken any more
  bool drain_ = false;  ///< the client may still be sending: do not cut off our answer by closing at once

  std::string out_;
  Buffer out_body_;  ///< a large body, behind out_
  std::size_t out_done_ = 0;
  std::uint64_t body_since_ns_ = 0;
  std::size_t drained_ = 0;
  std::uint64_t deadline_ns_ = 0;  ///< 0: none
  Timer timer_;
};

}  // namespace cleat::http
