#include "http/session.hpp"

#include <algorithm>
#include <array>

namespace cleat::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kReadSize = 8 * 1024;
constexpr std::size_t kBodyReadSize = 64 * 1024;
constexpr std::size_t kCopiedBody =
    16 * 1024;  ///< up to here a body is put behind its head instead of written beside it
constexpr std::size_t kOutBatch = 64 * 1024;     ///< answers to pipelined requests that are written together
constexpr std::size_t kKeptBody = 256 * 1024;    ///< memory for bodies that an idle connection may keep
constexpr std::size_t kChunkHeader = 16 * 1024;  ///< a chunk's size line, or all trailers
constexpr std::size_t kMaxDrained = 32 << 20;

}  // namespace

Session::Session(SessionOwner& owner, asio::ip::tcp::socket socket)
    : owner_(owner), socket_(std::move(socket)), timer_([this] { on_timer(); }) {}

void Session::start() {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  set_deadline(owner_.loop().now_ns() +
               owner_.limits().header_ns);  // a fresh connection has something to say
  run();
}

void Session::stop() {
  if (phase_ == Phase::idle && in_.size() == 0 && out_.empty()) close();
}

void Session::close() {
  if (phase_ == Phase::closed) return;
  const SessionPtr alive = self();
  phase_ = Phase::closed;
  timer_.disarm();
  error_code ignored;
  socket_.close(ignored);
  owner_.on_closed(*this);
}

bool Session::can_parse() const {
  const bool between = phase_ == Phase::idle || phase_ == Phase::header || phase_ == Phase::body;
  return between && !close_after_ && !starved_ && !waiting_writable_ && out_.size() < kOutBatch &&
         out_body_.size() == 0;
}

// Parses, answers and writes until something has to be waited for.
void Session::run() {
  if (running_ || phase_ == Phase::closed) return;
  const SessionPtr alive = self();
  running_ = true;
  for (;;) {
    while (can_parse())
      parse_step();
    if (!write_out()) break;
    if (close_after_) {
      finish();
      break;
    }
    if (phase_ == Phase::answering) break;
    if (owner_.stopping() && phase_ == Phase::idle && starved_) {
      close();
      break;
    }
    if (starved_) {
      read_more();
      break;
    }
  }
  running_ = false;
}

void Session::parse_step() {
  if (phase_ == Phase::idle) {
    parser_.emplace(request_, owner_.limits().message);
    phase_ = Phase::header;
    deadline_ns_ = 0;
  }
  in_.consume(parser_->feed(in_.data().data(), in_.size()));
  if (parser_->fault() != ParseFault::none) return answer_fault(parser_->fault());
  if (phase_ == Phase::header && parser_->is_header_done()) {
    on_header();
    if (!parser_) return;  // answered already
  }
  if (parser_->is_done()) {
    phase_ = Phase::answering;
    deadline_ns_ = 0;
    return owner_.router().handle(route_, request_, self());
  }
  if (parser_->need_more()) on_starved();
}

void Session::on_header() {
  route_ = owner_.router().route(request_.verb, request_.target);
  if (auto refused = owner_.router().refuse(route_, request_)) {
    if (!parser_->is_done()) return answer_and_close(std::move(*refused));
    phase_ = Phase::answering;
    return respond(std::move(*refused));
  }
  if (parser_->is_done()) return;
  phase_ = Phase::body;
  body_since_ns_ = owner_.loop().now_ns();
  const std::string_view expect = request_.headers.first(boost::beast::http::field::expect);
  if (expect.empty() || request_.version < 11) return;
  if (!iequals(expect, "100-continue")) {
    return answer_and_close(text_response(417, "the only expectation that can be met is 100-continue"));
  }
  const auto length = parser_->content_length();
  const std::uint64_t most = owner_.limits().message.body_bytes;
  const bool will_be_read = !length || most == 0 || *length <= most;
  if (will_be_read && in_.size() == 0) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
}

void Session::on_starved() {
  starved_ = true;
  const SessionLimits& limits = owner_.limits();
  const std::uint64_t now = owner_.loop().now_ns();
  if (phase_ == Phase::header) {
    if (deadline_ns_ == 0) set_deadline(now + limits.header_ns);
    return;
  }
  if (in_.size() > kChunkHeader) return answer_fault(ParseFault::malformed);
  const std::uint64_t by_pace =
      body_since_ns_ + limits.stall_ns + request_.body.size() * kSecond / limits.least_body_bytes_per_s;
  set_deadline(std::min(now + limits.stall_ns, by_pace));
}

void Session::answer_fault(ParseFault fault) {
  switch (fault) {
    case ParseFault::headers_too_large:
      return answer_and_close(text_response(431, "the request's headers are too large"));
    case ParseFault::body_too_large:
      return answer_and_close(owner_.router().too_large(route_));
    case ParseFault::version:
      return answer_and_close(text_response(505, "expected HTTP/1.0 or HTTP/1.1; HTTP/2 is not served here"));
    default:
      return answer_and_close(text_response(400, "malformed HTTP request: " + parser_->why()));
  }
}

void Session::answer_and_close(Response&& response) {
  phase_ = Phase::answering;
  close_after_ = drain_ = true;
  respond(std::move(response));
}

void Session::respond(Response&& response) {
  if (phase_ != Phase::answering) return;
  const bool keep = !close_after_ && !owner_.stopping() && parser_->keep_alive();
  close_after_ = !keep;
  append_head(out_, response,
              !keep                   ? Persistence::close
              : request_.version < 11 ? Persistence::keep_as_told
                                      : Persistence::keep);
  if (request_.verb != boost::beast::http::verb::head && response.status != 204) {
    if (response.data.size() > kCopiedBody) {
      out_body_ = std::move(response.data);
    } else {
      out_ += response.body();
    }
  }
  end_request();
  run();
}

void Session::end_request() {
  phase_ = Phase::idle;
  parser_.reset();
  starved_ = in_.size() == 0;
  if (request_.body.capacity() > kKeptBody) request_.body = std::string();
  if (!waiting_writable_) set_deadline(owner_.loop().now_ns() + owner_.limits().idle_ns);
}

// False: it would block (and goes on by itself), or the client has left.
bool Session::write_out() {
  if (phase_ == Phase::closed) return false;
  while (out_done_ < out_.size() + out_body_.size()) {
    if (waiting_writable_) return false;
    const std::size_t head_done = std::min(out_done_, out_.size());
    const std::array<asio::const_buffer, 2> left{
        asio::buffer(out_.data() + head_done, out_.size() - head_done),
        asio::buffer(out_body_.view().data(), out_body_.size()) + (out_done_ - head_done)};
    error_code error;
    const std::size_t written = socket_.write_some(left, error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      wait_writable();
      return false;
    }
    if (error) {
      close();
      return false;
    }
    out_done_ += written;
  }
  out_.clear();
  if (out_.capacity() > kKeptBody) out_ = std::string();
  out_body_ = Buffer();
  out_done_ = 0;
  return true;
}

void Session::wait_writable() {
  waiting_writable_ = true;
  set_deadline(owner_.loop().now_ns() + owner_.limits().stall_ns);
  socket_.async_wait(asio::socket_base::wait_write, [alive = self()](const error_code& error) {
    Session& session = *alive;
    session.waiting_writable_ = false;
    if (error) return session.close();
    if (session.phase_ == Phase::closed) return;
    session.on_writable();
  });
}

void Session::on_writable() {
  const std::uint64_t now = owner_.loop().now_ns();
  if (phase_ == Phase::answering) {
    deadline_ns_ = 0;
  } else {
    set_deadline(now + (phase_ == Phase::idle ? owner_.limits().idle_ns : owner_.limits().stall_ns));
  }
  run();
}

// One plain read: Asio remembers that the last one was short and then does not ask the kernel in vain.
void Session::read_more() {
  if (reading_) return;
  reading_ = true;
  const std::size_t size = phase_ == Phase::body || phase_ == Phase::draining ? kBodyReadSize : kReadSize;
  socket_.async_read_some(in_.prepare(size), [alive = self()](const error_code& error, std::size_t bytes) {
    alive->reading_ = false;
    alive->on_read(error, bytes);
  });
}

void Session::on_read(const error_code& error, std::size_t bytes) {
  if (phase_ == Phase::closed) return;
  if (error) return close();
  if (phase_ == Phase::draining) {
    drained_ += bytes;
    return drained_ > kMaxDrained ? close() : read_more();
  }
  in_.commit(bytes);
  starved_ = false;
  run();
}

// Closing a socket with unread input resets the connection, and the client may then never see our answer.
void Session::finish() {
  if (!drain_ && in_.size() == 0) return close();
  error_code error;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error) return close();
  phase_ = Phase::draining;
  in_.consume(in_.size());
  set_deadline(owner_.loop().now_ns() + owner_.limits().linger_ns);
  read_more();
}

// Most deadlines move on long before they pass, so the timer is only touched when one comes sooner than it
// stands.
void Session::set_deadline(std::uint64_t when_ns) {
  deadline_ns_ = when_ns;
  if (!timer_.armed() || timer_.when_ns() > when_ns) owner_.loop().arm(timer_, when_ns);
}

void Session::on_timer() {
  if (phase_ == Phase::closed || deadline_ns_ == 0) return;
  if (owner_.loop().now_ns() < deadline_ns_) return owner_.loop().arm(timer_, deadline_ns_);
  const SessionPtr alive = self();
  if ((phase_ == Phase::header || phase_ == Phase::body) && !waiting_writable_) {
    return answer_and_close(text_response(408, "the request did not arrive in time"));
  }
  close();
}

}  // namespace cleat::http
