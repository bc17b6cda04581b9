#include "http/session.hpp"

#include <poll.h>

#include <algorithm>
#include <array>

// The half of Session that touches the socket and the clock.
namespace cleat::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kReadSize = 8 * 1024;
constexpr std::size_t kBodyReadSize = 64 * 1024;
constexpr std::size_t kMaxDrained = 32 << 20;

}  // namespace

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

// Nothing is read while a request is being answered, so that the kernel has to be asked. As daprd does: a client that closed
// its sending half counts as gone.
bool Session::wanted() {
  if (phase_ != Phase::answering) return false;
  pollfd connection{socket_.native_handle(), POLLRDHUP, 0};
  return ::poll(&connection, 1, 0) <= 0;
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

// One plain read. Waiting for readability first would save the read in vain, but costs an epoll_ctl each
// time.
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
