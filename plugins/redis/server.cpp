#include "server.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "commands.hpp"

namespace cleat::redis {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstBackOff = 100ms;
constexpr auto kLongestBackOff = 3000ms;
constexpr std::size_t kMostWaiting = 8192;

}  // namespace

Server::Server(common::EventLoop& loop, const RedisConfig& config, SSL_CTX* tls, Endpoint fixed,
               Watcher watcher)
    : loop_(loop), config_(config), tls_(tls), fixed_(std::move(fixed)), watcher_(std::move(watcher)) {}

void Server::open() {
  connect();
}

Link::Options Server::options_for(const Endpoint& to, const Login& login) const {
  const bool has_databases = config_.kind != RedisConfig::Kind::cluster;
  return {
      to, login, has_databases ? config_.database : 0, tls_, config_.connect_within, config_.answer_within};
}

void Server::connect() {
  if (closed_) return;
  if (config_.kind == RedisConfig::Kind::sentinel) {
    failed_sentinels_ = 0;
    ask_sentinel();
  } else {
    connect_to(fixed_);
  }
}

void Server::ask_sentinel() {
  const Endpoint& to = config_.hosts[next_sentinel_ % config_.hosts.size()];
  Link::Options options = options_for(to, config_.sentinel_login);
  options.database = 0;
  const std::weak_ptr<Server> weak = weak_from_this();
  sentinel_ = Link::connect(loop_, std::move(options),
                            {[weak] {
                               const auto self = weak.lock();
                               if (!self || self->closed_ || !self->sentinel_) return;
                               self->sentinel_->send(
                                   encode({"SENTINEL", "get-master-addr-by-name", self->config_.master}),
                                   [weak](const Reply& reply) {
                                     const auto me = weak.lock();
                                     if (me && !me->closed_) me->sentinel_answered(reply);
                                   });
                             },
                             [weak](cleat_status, const std::string& why) {
                               const auto self = weak.lock();
                               if (self && !self->closed_ && self->sentinel_) self->sentinel_failed(why);
                             }});
}

void Server::sentinel_answered(const Reply& reply) {
  if (!sentinel_) return;
  if (reply.kind() == Reply::Kind::none) return;  // the end of the connection is told by its watcher
  const std::string_view port_text = reply.at(1).text();
  std::uint16_t port = 0;
  std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (reply.size() != 2 || port == 0) {
    sentinel_failed(reply.is_error() ? std::string(reply.text())
                                     : "it knows no master of the name '" + config_.master + "'");
    return;
  }
  const Endpoint master{std::string(reply.at(0).text()), port};
  const auto done = std::exchange(sentinel_, nullptr);
  loop_.before_sleep([done] { done->close(); });
  connect_to(master);
}

void Server::sentinel_failed(const std::string& why) {
  const auto done = std::exchange(sentinel_, nullptr);
  loop_.before_sleep([done] { done->close(); });
  const std::string who = config_.hosts[next_sentinel_ % config_.hosts.size()].text();
  ++next_sentinel_;
  if (++failed_sentinels_ < config_.hosts.size()) {
    ask_sentinel();
    return;
  }
  went_down(CLEAT_UNAVAILABLE, "no sentinel names a master; the last one asked was " + who + ": " + why);
}

void Server::connect_to(const Endpoint& to) {
  current_ = to;
  const std::weak_ptr<Server> weak = weak_from_this();
  link_ = Link::connect(loop_, options_for(to, config_.login),
                        {[weak] {
                           const auto self = weak.lock();
                           if (self && !self->closed_) self->check_role();
                         },
                         [weak](cleat_status status, const std::string& why) {
                           const auto self = weak.lock();
                           if (self && !self->closed_)
                             self->went_down(status, "Redis at " + self->current_.text() + ": " + why);
                         }});
}

/// Sentinels may name the old master for a moment after it has become a replica, which refuses to write.
void Server::check_role() {
  if (config_.kind != RedisConfig::Kind::sentinel) {
    came_up();
    return;
  }
  link_->send(encode({"ROLE"}), [weak = weak_from_this(), link = link_](const Reply& reply) {
    const auto self = weak.lock();
    if (!self || self->closed_ || self->link_ != link || reply.kind() == Reply::Kind::none) return;
    if (reply.at(0).text() == "master") {
      self->came_up();
    } else {
      link->fail(CLEAT_UNAVAILABLE, "the sentinels call it master, but it says that it is none");
    }
  });
}

void Server::came_up() {
  ready_ = true;
  known_down_ = false;
  back_off_ = 0ms;
  why_down_.clear();
  watcher_.up();
  std::deque<CommandPtr> waiting;
  waiting.swap(waiting_);
  for (const CommandPtr& command : waiting)
    transmit(command);
}

void Server::went_down(cleat_status status, const std::string& why) {
  ready_ = false;
  if (link_) {
    loop_.before_sleep([old = std::exchange(link_, nullptr)] { old->close(); });
  }
  known_down_ = true;
  down_status_ = status;
  why_down_ = why;
  std::deque<CommandPtr> waiting;
  waiting.swap(waiting_);
  for (const CommandPtr& command : waiting)
    command->failed({status, why, false});
  watcher_.down(status, why);
  back_off_ = std::clamp<std::chrono::milliseconds>(back_off_ * 2, kFirstBackOff, kLongestBackOff);
  const auto jitter =
      std::chrono::milliseconds(random_() % static_cast<std::uint64_t>(back_off_.count() / 2 + 1));
  if (retry_timer_ != 0) loop_.cancel(retry_timer_);
  retry_timer_ = loop_.after(back_off_ / 2 + jitter, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->retry_timer_ = 0;
    self->connect();
  });
}

void Server::send(CommandPtr command) {
  if (ready_) {
    transmit(command);
  } else if (known_down_ || closed_) {
    command->failed(
        {closed_ ? CLEAT_CANCELLED : down_status_, closed_ ? "the component stops" : why_down_, false});
  } else if (waiting_.size() >= kMostWaiting) {
    command->failed({CLEAT_THROTTLED,
                     std::to_string(kMostWaiting) + " commands wait for a connection to Redis already",
                     false});
  } else {
    waiting_.push_back(std::move(command));
  }
}

void Server::send_asking(CommandPtr command) {
  if (ready_) link_->send(encode({"ASKING"}), [](const Reply&) {});
  send(std::move(command));
}

void Server::transmit(const CommandPtr& command) {
  if (command->is_unwanted) return;
  link_->send(
      command->wire,
      [command, link = link_.get(), weak = weak_from_this()](const Reply& reply) {
        if (reply.kind() != Reply::Kind::none) {
          command->done(reply, link->to());
          // A master that became a replica: the sentinels know the new one.
          const auto self = weak.lock();
          if (self && reply.is_error() && reply.text().substr(0, 8) == "READONLY" &&
              self->link_.get() == link && self->config_.kind == RedisConfig::Kind::sentinel) {
            link->fail(CLEAT_UNAVAILABLE, "it is not the master any more");
          }
          return;
        }
        const auto self = weak.lock();
        command->failed({self && !self->closed_ ? self->down_status_ : CLEAT_CANCELLED,
                         self && !self->closed_ && !self->why_down_.empty() ? self->why_down_
                                                                            : "the connection to Redis ended",
                         true});
      },
      command->patience);
}

void Server::close() {
  closed_ = true;
  ready_ = false;
  if (retry_timer_ != 0) loop_.cancel(std::exchange(retry_timer_, 0));
  if (sentinel_) std::exchange(sentinel_, nullptr)->close();
  if (link_) std::exchange(link_, nullptr)->close();
  std::deque<CommandPtr> waiting;
  waiting.swap(waiting_);
  for (const CommandPtr& command : waiting)
    command->failed({CLEAT_CANCELLED, "the component stops", false});
}

}  // namespace cleat::redis
