#include "link.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace cleat::mqtt {
namespace {

constexpr std::size_t kChunk = 16 * 1024;

void set(int fd, int level, int option, int value) {
  // Without it the connection works all the same, only less well.
  [[maybe_unused]] const int ignored = ::setsockopt(fd, level, option, &value, sizeof value);
}

}  // namespace

void Link::Free::operator()(SSL* connection) const {
  SSL_free(connection);
}

void Link::connect(const Address& address, std::chrono::milliseconds patience) {
  close();
  why_.clear();
  fd_ = ::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return fail_with_errno("no socket", errno);
  set(fd_, IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(patience.count()));
  state_ = State::connecting;
  const int result = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address.bytes), address.size);
  if (result == 0)
    begin_tls();
  else if (errno != EINPROGRESS)
    fail_with_errno("cannot connect", errno);
}

void Link::close() {
  secure_.reset();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  state_ = State::closed;
  wants_write_ = false;
  unsent_.clear();
}

void Link::fail(std::string why) {
  close();
  why_ = std::move(why);
}

void Link::fail_with_errno(const char* what, int error) {
  fail(std::string(what) + ": " + std::generic_category().message(error));
}

void Link::finish_connecting() {
  pollfd one{fd_, POLLOUT, 0};
  if (::poll(&one, 1, 0) <= 0) return;
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return fail_with_errno("cannot connect", error);
  begin_tls();
}

void Link::begin_tls() {
  if (tls_ == nullptr) {
    state_ = State::open;
    return;
  }
  ERR_clear_error();
  secure_.reset(SSL_new(tls_->get()));
  if (!secure_ || SSL_set_fd(secure_.get(), fd_) != 1)
    return fail("OpenSSL gives no connection: " + common::tls_reasons());
  SSL_set_connect_state(secure_.get());
  state_ = State::handshaking;
  shake_hands();
}

void Link::shake_hands() {
  ERR_clear_error();
  wants_write_ = false;
  const int result = SSL_do_handshake(secure_.get());
  if (result == 1) {
    state_ = State::open;
    return;
  }
  const long verified = SSL_get_verify_result(secure_.get());
  if (verified != X509_V_OK && SSL_get_error(secure_.get(), result) == SSL_ERROR_SSL)
    return fail(std::string("the broker's certificate is not accepted: ") +
                X509_verify_cert_error_string(verified));
  must_wait(result, "the TLS handshake failed");
}

bool Link::must_wait(int result, const char* what) {
  const int saved = errno;
  switch (SSL_get_error(secure_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return true;
    case SSL_ERROR_WANT_WRITE:
      wants_write_ = true;
      return true;
    case SSL_ERROR_ZERO_RETURN:
      fail("the broker closed the connection");
      return false;
    case SSL_ERROR_SYSCALL:
      if (saved == 0)
        fail("the broker closed the connection");
      else
        fail_with_errno(what, saved);
      return false;
    default:
      fail(std::string(what) + ": " + common::tls_reasons());
      return false;
  }
}

void Link::advance() {
  if (state_ == State::connecting)
    finish_connecting();
  else if (state_ == State::handshaking)
    shake_hands();
  else if (state_ == State::open)
    flush();
}

void Link::send(std::string_view bytes) {
  unsent_.append(bytes);
  flush();
}

void Link::flush() {
  wants_write_ = false;
  std::size_t sent = 0;
  while (state_ == State::open && sent < unsent_.size()) {
    const std::size_t left = unsent_.size() - sent;
    if (secure_) {
      ERR_clear_error();
      errno = 0;
      std::size_t written = 0;
      const int result = SSL_write_ex(secure_.get(), unsent_.data() + sent, left, &written);
      sent += written;
      if (result != 1 && must_wait(result, "cannot send")) break;
    } else {
      const ssize_t written = ::send(fd_, unsent_.data() + sent, left, MSG_NOSIGNAL);
      if (written >= 0) {
        sent += static_cast<std::size_t>(written);
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        wants_write_ = true;
        break;
      } else if (errno != EINTR) {
        fail_with_errno("cannot send", errno);
      }
    }
  }
  if (state_ == State::open) unsent_.erase(0, sent);
}

bool Link::receive(std::string& out, std::size_t most) {
  std::array<char, kChunk> bytes;  // not cleared: it is written before it is read
  const std::size_t before = out.size();
  while (state_ == State::open && out.size() - before < most) {
    if (secure_) {
      ERR_clear_error();
      errno = 0;
      std::size_t count = 0;
      const int result = SSL_read_ex(secure_.get(), bytes.data(), bytes.size(), &count);
      out.append(bytes.data(), count);
      if (result != 1 && must_wait(result, "the connection broke")) break;
    } else {
      const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), 0);
      if (count > 0) {
        out.append(bytes.data(), static_cast<std::size_t>(count));
      } else if (count == 0) {
        fail("the broker closed the connection");
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        break;
      } else if (errno != EINTR) {
        fail_with_errno("the connection broke", errno);
      }
    }
  }
  return out.size() != before;
}

short Link::events(bool is_reading) const {
  switch (state_) {
    case State::closed:
      return 0;
    case State::connecting:
      return POLLOUT;
    case State::handshaking:
      return wants_write_ ? POLLOUT : POLLIN;
    case State::open:
      break;
  }
  const int write = wants_write_ ? POLLOUT : 0;
  return static_cast<short>((is_reading ? POLLIN : 0) | write | POLLRDHUP);
}

}  // namespace cleat::mqtt
