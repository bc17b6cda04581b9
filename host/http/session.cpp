#include "http/session.hpp"

#include <algorithm>

namespace cleat::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kCopiedBody = 16 * 1024;   ///< a body up to this is put behind its head
constexpr std::size_t kOutBatch = 64 * 1024;     ///< answers to pipelined requests that are written together
constexpr std::size_t kChunkHeader = 16 * 1024;  ///< a chunk's size line, or all trailers

}  // namespace

Session::Session(SessionOwner& owner, asio::ip::tcp::socket socket)
    : owner_(owner), socket_(std::move(socket)), timer_([this] { on_timer(); }) {}

void Session::start() {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  // Unlike one that was kept, a fresh connection has something to say.
  set_deadline(owner_.loop().now_ns() + owner_.limits().header_ns);
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
  const auto length = parser_->content_length();
  const std::uint64_t most = owner_.limits().message.body_bytes;
  if (length && most != 0 && *length > most) return answer_fault(ParseFault::body_too_large);
  phase_ = Phase::body;
  body_since_ns_ = owner_.loop().now_ns();
  const std::string_view expect = request_.headers.first(boost::beast::http::field::expect);
  if (expect.empty() || request_.version < 11) return;
  if (!iequals(expect, "100-continue")) {
    return answer_and_close(text_response(417, "the only expectation that can be met is 100-continue"));
  }
  if (in_.size() == 0) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
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

}  // namespace cleat::http
