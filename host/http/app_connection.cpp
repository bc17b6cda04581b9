#include "http/app_connection.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace cleat::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kReadSize = 8 * 1024;
constexpr std::size_t kKept = 256 * 1024;  ///< memory that an idle connection may keep
constexpr unsigned kMaxInterim = 32;
constexpr std::uint64_t kMostDropped = 256ULL << 20;  ///< of an answer that nobody reads
constexpr std::size_t kFirstWindow =
    14'000;  ///< what a receiver takes in at the least before anybody reads: ten segments

// A host that vanished, rather than a process that died, is noticed within about half a minute.
constexpr int kKeepAliveIdleS = 15, kKeepAliveIntervalS = 5, kKeepAliveProbes = 3;

std::string text_of(const tcp::endpoint& endpoint) {
  return fmt::format("{} port {}", endpoint.address().to_string(), endpoint.port());
}

}  // namespace

AppConnection::AppConnection(AppConnectionOwner& owner)
    : owner_(owner), socket_(owner.loop().context()), timer_([this] { on_timer(); }) {}

void AppConnection::close() {
  state_ = State::closed;
  timer_.disarm();
  error_code ignored;
  socket_.close(ignored);
}

bool AppConnection::is_usable() {
  char byte = 0;
  const ssize_t received = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void AppConnection::connect(AppCall&& call) {
  call_ = std::move(call);
  state_ = State::connecting;
  call_deadline_ns_ = 0;
  owner_.loop().arm(timer_, owner_.loop().now_ns() + connect_limit());
  owner_.resolve([self = Ptr(this)](const AppConnectionOwner::Endpoints& found, const std::string& why) {
    if (self->state_ != State::connecting) return;
    self->endpoints_ = found;
    self->connect_next(why);
  });
}

// A handler's time begins when its request does, not with the connection.
void AppConnection::start_deadline() {
  call_deadline_ns_ = call_.timeout_ns == 0 ? 0 : owner_.loop().now_ns() + call_.timeout_ns;
  timer_.disarm();
  if (call_deadline_ns_ != 0) owner_.loop().arm(timer_, call_deadline_ns_);
}

std::uint64_t AppConnection::connect_limit() const {
  const std::uint64_t limit = owner_.limits().connect_ns;
  return call_.timeout_ns == 0 ? limit : std::min(limit, call_.timeout_ns);
}

void AppConnection::connect_next(std::string why) {
  if (next_endpoint_ == endpoints_.size()) return fail_later(Outcome::unreachable, std::move(why));
  const tcp::endpoint endpoint = endpoints_[next_endpoint_++];
  error_code error;
  socket_.close(error);
  socket_.open(endpoint.protocol(), error);
  if (error)
    return fail_later(Outcome::unreachable, "cannot open a socket to the application: " + error.message());
  socket_.async_connect(endpoint, [self = Ptr(this), endpoint](const error_code& failed) {
    if (self->state_ != State::connecting) return;
    if (failed) {
      return self->connect_next(
          fmt::format("cannot connect to the application at {}: {}", text_of(endpoint), failed.message()));
    }
    self->on_connected();
  });
}

void AppConnection::on_connected() {
  set_options();
  endpoints_.clear();
  if (call_.is_expired(owner_.loop().now_ns()))
    return fail_later(Outcome::expired,
                      "its last instant passed while the application was being connected to");
  start_deadline();
  state_ = State::busy;
  send();
  read_more();
}

void AppConnection::set_options() {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  set_tcp_option(TCP_KEEPIDLE, kKeepAliveIdleS);
  set_tcp_option(TCP_KEEPINTVL, kKeepAliveIntervalS);
  set_tcp_option(TCP_KEEPCNT, kKeepAliveProbes);
}

// Without it a dead machine is noticed later, no more.
void AppConnection::set_tcp_option(int name, int value) {
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, name, &value, sizeof value);
}

// The kernel counts the time in which the application does not read on as it counts that in which nothing is acknowledged. A
// small request is taken in without being read; with a large one only the kernel's own patience tells a dead machine.
void AppConnection::limit_silence() {
  const bool limited = head_.size() + body_.size() <= kFirstWindow;
  if (limited == silence_limited_) return;
  silence_limited_ = limited;
  set_tcp_option(TCP_USER_TIMEOUT,
                 limited ? static_cast<int>(owner_.limits().vanished_ns / kMillisecond) : 0);
}

void AppConnection::begin(AppCall&& call) {
  call_ = std::move(call);
  kept_ = true;
  state_ = State::busy;
  start_deadline();
  send();
}

// The length of an answer that nobody reads is no reason to ask again, unless it has no end.
MessageLimits AppConnection::response_limits() const {
  MessageLimits limits = owner_.limits().response;
  if (call_.batch() == nullptr && !call_.target->reads_answers) limits.dropped_bytes = kMostDropped;
  return limits;
}

void AppConnection::send() {
  build_head();
  limit_silence();
  parser_.emplace(response_, response_limits());
  written_ = 0;
  all_written_ = false;
  response_begun_ = false;
  interim_ = 0;
  interim_status_ = 0;
  write_out();
}

void AppConnection::build_head() {
  AppTarget& target = *call_.target;
  head_.clear();
  body_ = {};
  if (const Event* event = call_.event()) {
    head_ += target.post_head;
    append_event_headers(head_, *event, target.headers, target.wall);
    body_ = event->data();
  } else if (const Batch* batch = call_.batch()) {
    batch_body_.write(*batch, owner_.json(), target.wall);
    body_ = batch_body_.text();
    head_ += target.batch_head;
    head_ += fmt::format_int(batch->events.size()).c_str();
    head_ += "\r\n";
  } else {
    head_ += target.options_head;
    return;
  }
  head_ += "Content-Length: ";
  head_ += fmt::format_int(body_.size()).c_str();
  head_ += "\r\n\r\n";
}

// An error here is told by the read that is under way: what the application said before it hung up still
// counts.
void AppConnection::write_out() {
  while (written_ < head_.size() + body_.size()) {
    const std::size_t head_done = std::min(written_, head_.size());
    const std::array<asio::const_buffer, 2> left{
        asio::buffer(head_.data() + head_done, head_.size() - head_done),
        asio::buffer(body_.data(), body_.size()) + (written_ - head_done)};
    error_code error;
    const std::size_t written = socket_.write_some(left, error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      socket_.async_wait(tcp::socket::wait_write, [self = Ptr(this)](const error_code& failed) {
        if (!failed && self->state_ == State::busy && !self->all_written_) self->write_out();
      });
      return;
    }
    if (error) {
      socket_.shutdown(tcp::socket::shutdown_both, error);
      return;
    }
    written_ += written;
  }
  all_written_ = true;
}

void AppConnection::read_more() {
  if (reading_ || state_ == State::closed) return;
  reading_ = true;
  socket_.async_read_some(in_.prepare(kReadSize),
                          [self = Ptr(this)](const error_code& error, std::size_t bytes) {
                            self->reading_ = false;
                            self->on_read(error, bytes);
                          });
}

void AppConnection::on_read(const error_code& error, std::size_t bytes) {
  if (state_ == State::closed || state_ == State::ending) return;
  if (state_ == State::idle)
    return owner_.on_idle_closed(*this);  // closed, or something that nobody asked for
  if (error) return on_input_end(error);
  in_.commit(bytes);
  response_begun_ = true;
  interim_status_ = 0;
  parse();
  read_more();
}

void AppConnection::parse() {
  while (in_.size() > 0 && state_ == State::busy) {
    in_.consume(parser_->feed(in_.data().data(), in_.size()));
    if (parser_->fault() == ParseFault::body_too_large) {
      return end(
          {Outcome::broken,
           fmt::format("the application's answer is longer than {} bytes, the most that is read of one",
                       owner_.limits().response.body_bytes)});
    }
    if (parser_->fault() != ParseFault::none ||
        (parser_->need_more() && in_.size() > owner_.limits().response.header_bytes)) {
      return end({Outcome::broken, "the application's answer is not well-formed HTTP: " + parser_->why()});
    }
    if (parser_->is_done()) {
      complete();
    } else if (parser_->need_more()) {
      return;
    }
  }
}

void AppConnection::complete() {
  const unsigned status = response_.status;
  if (status >= 100 && status < 200 && status != 101) {
    if (++interim_ > kMaxInterim)
      return end({Outcome::broken, "the application sent interim answers without an end"});
    interim_status_ = in_.size() == 0 ? status : 0;
    parser_.emplace(response_, response_limits());
    return;
  }
  if (status < 100 || status > 599) {
    return end({Outcome::broken,
                fmt::format("the application answered with status {}, expected 100 to 599", status)});
  }
  const bool reusable =
      parser_->keep_alive() && !parser_->need_eof() && in_.size() == 0 && all_written_ && status != 101;
  end({Outcome::answered, {}, reusable});
}

void AppConnection::on_input_end(const error_code& error) {
  if (error == asio::error::eof && parser_->feed_eof()) return complete();
  if (error == asio::error::eof && interim_status_ != 0) {
    response_.status = interim_status_;
    return end({Outcome::answered, {}});
  }
  const char* const when = response_begun_ ? "in the middle of its answer" : "before it answered";
  end({response_begun_ ? Outcome::broken : Outcome::unreachable,
       fmt::format("the application closed the connection {} ({})", when, error.message())});
}

void AppConnection::end(AppEnd&& end) {
  const Ptr alive(this);
  timer_.disarm();
  parser_.reset();
  in_.consume(in_.size());
  if (call_.batch() != nullptr) {
    if (end.outcome == Outcome::answered && response_.status >= 200 && response_.status < 300)
      end.verdicts = batch_body_.read_answer(response_.body, owner_.json());
    batch_body_.shrink(kKept);
  }
  body_ = {};
  if (head_.capacity() > kKept) head_ = std::string();
  state_ = end.reusable ? State::idle : State::ending;
  owner_.on_ended(*this, std::move(end));
}

void AppConnection::fail_later(Outcome outcome, std::string error) {
  state_ = State::ending;
  timer_.disarm();
  error_code ignored;
  socket_.close(ignored);
  owner_.loop().post([self = Ptr(this), outcome, text = std::move(error)]() mutable {
    if (self->state_ == State::ending) self->end({outcome, std::move(text)});
  });
}

void AppConnection::on_timer() {
  if (state_ == State::busy) return fail_later(Outcome::timed_out, "the application did not answer in time");
  fail_later(Outcome::unreachable, fmt::format("the application did not accept a connection within {}",
                                               format_duration(connect_limit())));
}

}  // namespace cleat::http
