#include "link.hpp"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <utility>

#include "commands.hpp"

namespace cleat::redis {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kLookEvery = 200ms;
constexpr int kUserTimeoutMs = 15'000;

Link& link_of(void* data) {
  return *static_cast<Link*>(data);
}

const redisReply* raw_of(const void* raw) {
  return static_cast<const redisReply*>(raw);
}

/// A dead peer is noticed by the kernel also when nothing is asked of it.
void set_options(int descriptor) {
  const int on = 1, idle = 15, every = 5, count = 3;
  ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMs, sizeof kUserTimeoutMs);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool is_address(const std::string& host) {
  return host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
}

/// What hiredis says, or OpenSSL, of which hiredis knows no more than that something went wrong.
std::string reason_of(const redisAsyncContext* context, const std::string& fallback) {
  if (ERR_peek_error() != 0) return "TLS: " + common::tls_reasons();
  return context->c.errstr[0] != '\0' ? context->c.errstr : fallback;
}

}  // namespace

Reply::Kind Reply::kind() const {
  if (raw_ == nullptr) return Kind::none;
  switch (raw_of(raw_)->type) {
    case REDIS_REPLY_ERROR:
      return Kind::error;
    case REDIS_REPLY_INTEGER:
      return Kind::integer;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      return Kind::text;
    case REDIS_REPLY_ARRAY:
      return Kind::array;
    default:
      return Kind::nothing;
  }
}

std::string_view Reply::text() const {
  if (raw_ == nullptr || raw_of(raw_)->str == nullptr) return {};
  return {raw_of(raw_)->str, raw_of(raw_)->len};
}

std::int64_t Reply::integer() const {
  return raw_ == nullptr ? 0 : raw_of(raw_)->integer;
}

std::size_t Reply::size() const {
  return kind() == Kind::array ? raw_of(raw_)->elements : 0;
}

Reply Reply::at(std::size_t index) const {
  return index < size() ? Reply(raw_of(raw_)->element[index]) : Reply();
}

void FreeContext::operator()(SSL_CTX* context) const {
  SSL_CTX_free(context);
}

TlsContext make_tls(const RedisConfig& config) {
  if (!config.tls) return nullptr;
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  if (!context)
    throw Error(CLEAT_INTERNAL, "enableTLS: no TLS context could be made: " + common::tls_reasons());
  common::use_pem(context.get(), config.pem, config.skip_verify);
  return context;
}

std::shared_ptr<Link> Link::connect(const Network& network, Options options, Watcher watcher) {
  std::shared_ptr<Link> link(new Link(network, std::move(options), std::move(watcher)));
  link->begin();
  return link;
}

Link::Link(const Network& network, Options options, Watcher watcher)
    : network_(network), loop_(network.loop), options_(std::move(options)), watcher_(std::move(watcher)) {}

Link::~Link() {
  close();
}

void Link::begin() {
  const std::weak_ptr<Link> weak = weak_from_this();
  connect_timer_ = loop_.after(options_.connect_within, [weak] {
    const auto self = weak.lock();
    if (!self) return;
    self->connect_timer_ = 0;
    self->fail(CLEAT_UNAVAILABLE, "no connection within dialTimeout");
  });
  network_.resolver.ask(options_.to.host, options_.to.port, [weak](const common::Addresses& found) {
    const auto self = weak.lock();
    if (!self || self->over_) return;
    self->found_ = found;
    if (found.addresses.empty()) {
      self->fail(CLEAT_UNAVAILABLE, found.error);
    } else {
      self->try_next_address();
    }
  });
}

void Link::try_next_address() {
  if (over_) return;
  const std::size_t which = (options_.attempt + tried_++) % found_.addresses.size();
  redisOptions options{};
  REDIS_OPTIONS_SET_TCP(&options, found_.addresses[which].text.c_str(), options_.to.port);
  context_ = redisAsyncConnectWithOptions(&options);
  if (context_ == nullptr) return fail(CLEAT_INTERNAL, "there is no memory for a connection");
  if (context_->err == 0) {
    descriptor_ = context_->c.fd;
    set_options(descriptor_);
  }
  hook();
  if (context_->err != 0) return connected(false);
  if (network_.tls != nullptr && !begin_tls())
    fail(CLEAT_UNAVAILABLE, reason_of(context_, "TLS could not be begun"));
}

/// The handshake itself is made when the connection is there.
bool Link::begin_tls() {
  SSL* ssl = SSL_new(network_.tls);
  if (ssl == nullptr) return false;
  const std::string& host = options_.to.host;
  if (is_address(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, host.c_str());
    SSL_set1_host(ssl, host.c_str());
  }
  if (redisInitiateSSL(&context_->c, ssl) == REDIS_OK) return true;
  SSL_free(ssl);  // it takes it over only when it is well
  return false;
}

void Link::connected(bool is_connected) {
  if (is_connected) return shake_hands();
  if (tried_ == found_.addresses.size())
    return ended(CLEAT_UNAVAILABLE, reason_of(context_, "it cannot be reached"));
  // What is here now ends with the callback that this may be.
  loop_.before_sleep([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->over_) return;
    if (self->context_ != nullptr) redisAsyncFree(self->context_);
    self->try_next_address();
  });
}

void Link::hook() {
  context_->data = this;
  context_->ev.data = this;
  context_->ev.addRead = [](void* data) {
    link_of(data).wants_read_ = true;
    link_of(data).watch();
  };
  context_->ev.delRead = [](void* data) {
    link_of(data).wants_read_ = false;
    link_of(data).watch();
  };
  context_->ev.addWrite = [](void* data) {
    Link& link = link_of(data);
    link.wants_write_ = true;
    if (!link.up_) {
      link.watch();
    } else if (!link.flushing_) {
      // What is sent while the loop works goes out in one piece, and without asking whether there is room.
      link.flushing_ = true;
      link.loop_.before_sleep([self = link.shared_from_this()] { self->flush(); });
    }
  };
  context_->ev.delWrite = [](void* data) {
    link_of(data).wants_write_ = false;
    if (!link_of(data).flushing_) link_of(data).watch();
  };
  context_->ev.cleanup = [](void* data) {
    Link& link = link_of(data);
    if (link.descriptor_ >= 0) link.loop_.remove(std::exchange(link.descriptor_, -1));
    link.context_ = nullptr;
    link.wants_read_ = link.wants_write_ = false;
    link.watched_ = 0;
  };
  redisAsyncSetConnectCallbackNC(context_, [](redisAsyncContext* context, int status) {
    link_of(context->data).connected(status == REDIS_OK);
  });
  redisAsyncSetDisconnectCallback(context_, [](const redisAsyncContext* context, int status) {
    link_of(context->data)
        .ended(CLEAT_UNAVAILABLE,
               status == REDIS_OK ? "the connection was closed" : reason_of(context, "the connection broke"));
  });
}

/// Tells the loop what hiredis waits for.
void Link::watch() {
  if (descriptor_ < 0) return;
  const std::uint32_t wanted = (wants_read_ ? EPOLLIN : 0U) | (wants_write_ ? EPOLLOUT : 0U);
  if (wanted == watched_) return;
  if (watched_ == 0) {
    loop_.add(descriptor_, wanted, [this](std::uint32_t events) { handle(events); });
  } else if (wanted == 0) {
    loop_.remove(descriptor_);
  } else {
    loop_.change(descriptor_, wanted);
  }
  watched_ = wanted;
}

void Link::handle(std::uint32_t events) {
  const std::shared_ptr<Link> self = shared_from_this();
  ERR_clear_error();  // what another one left
  moved_at_ = Clock::now();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && context_ != nullptr && wants_read_)
    redisAsyncHandleRead(context_);
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0 && context_ != nullptr && wants_write_)
    redisAsyncHandleWrite(context_);
}

void Link::flush() {
  flushing_ = false;
  if (context_ == nullptr) return;
  ERR_clear_error();
  if (wants_write_) redisAsyncHandleWrite(context_);
  watch();
}

void Link::shake_hands() {
  const auto say = [this](const std::string& wire) {
    ++shakes_;
    redisAsyncFormattedCommand(
        context_,
        [](redisAsyncContext* context, void* reply, void*) {
          if (context->data != nullptr) link_of(context->data).hand_shaken(Reply(reply));
        },
        nullptr, wire.data(), wire.size());
  };
  const Login& login = options_.login;
  if (!login.password.empty() && login.username.empty()) say(encode({"AUTH", login.password}));
  if (!login.password.empty() && !login.username.empty())
    say(encode({"AUTH", login.username, login.password}));
  if (options_.database != 0) say(encode({"SELECT", std::to_string(options_.database)}));
  // A server that wants a password says so now and not to the first call.
  say(encode({"PING"}));
}

void Link::hand_shaken(const Reply& reply) {
  if (over_ || reply.kind() == Reply::Kind::none) return;
  // A user who may not PING is known all the same, and a server that refuses it as it does writes, since it cannot save,
  // serves the rest. Other errors are not about PING: "max number of clients reached" comes as its answer.
  const std::string_view word = reply.error_word();
  const bool is_known = shakes_ == 1 && (word == "NOPERM" || word == "MISCONF");
  if (reply.is_error() && !is_known) {
    const Meaning meaning = meaning_of(reply.text());
    // A server that does not know AUTH tells what came with it.
    const std::string_view said = reply.text().substr(0, reply.text().find(", with args"));
    fail(meaning.status, "it refused the connection: " + std::string(said));
    return;
  }
  if (--shakes_ == 0) came_up();
}

void Link::came_up() {
  if (connect_timer_ != 0) loop_.cancel(std::exchange(connect_timer_, 0));
  up_ = true;
  watcher_.up();
}

void Link::send(std::string_view wire, Done done, std::chrono::nanoseconds patience) {
  if (context_ == nullptr || !up_) {
    loop_.before_sleep([done = std::move(done)] { done(Reply()); });
    return;
  }
  if (patience.count() == 0) patience = options_.answer_within;
  waiting_.push_back({Clock::now(), patience});
  look_soon();
  auto* held = new Done(std::move(done));
  const auto answered = [](redisAsyncContext* context, void* reply, void* data) {
    const std::unique_ptr<Done> mine(static_cast<Done*>(data));
    Link* link = static_cast<Link*>(context->data);
    if (link != nullptr && !link->waiting_.empty()) link->waiting_.pop_front();
    (*mine)(Reply(reply));
  };
  if (redisAsyncFormattedCommand(context_, answered, held, wire.data(), wire.size()) != REDIS_OK) {
    waiting_.pop_back();
    loop_.before_sleep([held] {
      (*held)(Reply());
      delete held;
    });
  }
}

void Link::look_soon() {
  if (look_timer_ != 0) return;
  look_timer_ = loop_.after(kLookEvery, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->look_timer_ = 0;
    self->look();
  });
}

/// Answers come in the order of the commands, so the oldest that waits is the one that has waited longest; only
/// one with a patience of its own may be overtaken. Its time begins anew with each byte that moves: a large value on a
/// slow line is no silence.
void Link::look() {
  if (over_ || waiting_.empty()) return;
  const Clock::time_point now = Clock::now();
  // What is there more is our own doing. While there is room for no more each byte that leaves is seen by handle().
  int unsent = 0;
  if (::ioctl(descriptor_, SIOCOUTQ, &unsent) == 0 && unsent < std::exchange(unsent_, unsent))
    moved_at_ = now;
  const Waiting& oldest = waiting_.front();
  if (oldest.patience.count() != 0 && std::max(oldest.since, moved_at_) + oldest.patience < now) {
    fail(CLEAT_TIMEOUT, "it does not answer (readTimeout)");
  } else {
    look_soon();
  }
}

void Link::fail(cleat_status status, const std::string& why) {
  const std::shared_ptr<Link> self = shared_from_this();
  if (over_) return;
  ended(status, why);
  close();
}

void Link::ended(cleat_status status, const std::string& why) {
  if (over_) return;
  over_ = true;
  up_ = false;
  watcher_.down(status, why);
}

void Link::close() {
  over_ = true;
  up_ = false;
  if (look_timer_ != 0) loop_.cancel(std::exchange(look_timer_, 0));
  if (connect_timer_ != 0) loop_.cancel(std::exchange(connect_timer_, 0));
  if (context_ != nullptr) redisAsyncFree(context_);
}

}  // namespace cleat::redis
