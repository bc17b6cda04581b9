#include "server.hpp"

#include <charconv>
#include <utility>

#include "commands.hpp"

namespace cleat::redis {
namespace {

using namespace std::chrono_literals;

constexpr auto kAskSentinelEvery = 1000ms;
constexpr std::size_t kMostWaiting = 8192;
// A connection that ends sooner is as good as none: who takes it and then refuses is not asked again at once each time.
constexpr auto kLasting = 3s;

}  // namespace

Server::Server(const Network& network, const RedisConfig& config, Endpoint fixed, Watcher watcher)
    : network_(network),
      loop_(network.loop),
      config_(config),
      fixed_(std::move(fixed)),
      watcher_(std::move(watcher)),
      current_(fixed_) {}

void Server::open() {
  connect();
}

Link::Options Server::options_for(const Endpoint& to, const Login& login) const {
  const bool has_databases = config_.kind != RedisConfig::Kind::cluster;
  return {
      to,       login, has_databases ? config_.database : 0, config_.connect_within, config_.answer_within,
      attempts_};
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
  const std::weak_ptr<Server> weak = weak_from_this();
  const auto ask = [weak] {
    const auto self = weak.lock();
    if (!self || self->closed_ || !self->sentinel_) return;
    self->sentinel_->send(encode({"SENTINEL", "get-master-addr-by-name", self->config_.master}),
                          [weak](const Reply& reply) {
                            const auto me = weak.lock();
                            if (me && !me->closed_) me->sentinel_answered(reply);
                          });
  };
  if (sentinel_ && sentinel_->is_up()) return ask();
  Link::Options options =
      options_for(config_.hosts[next_sentinel_ % config_.hosts.size()], config_.sentinel_login);
  options.database = 0;
  sentinel_ = Link::connect(network_, std::move(options), {ask, [weak](cleat_status, const std::string& why) {
                                                             const auto self = weak.lock();
                                                             if (self && !self->closed_ && self->sentinel_)
                                                               self->sentinel_failed(why);
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
  ask_again_later();
  if (!link_) {
    connect_to(master);
  } else if (!(master == current_)) {
    link_->fail(CLEAT_UNAVAILABLE, "the sentinels call " + master.text() + " the master now");
  }
}

void Server::next_sentinel() {
  ++next_sentinel_;
  if (sentinel_) {
    loop_.before_sleep([done = std::exchange(sentinel_, nullptr)] { done->close(); });
  }
}

void Server::sentinel_failed(const std::string& why) {
  const std::string who = config_.hosts[next_sentinel_ % config_.hosts.size()].text();
  next_sentinel();
  if (link_) return ask_again_later();  // there is a master, so that another one is asked does not hurry
  if (++failed_sentinels_ < config_.hosts.size()) return ask_sentinel();
  went_down(CLEAT_UNAVAILABLE, "no sentinel names a master; the last one asked was " + who + ": " + why);
}

/// A master that has been replaced may live on for seconds and take what nobody will have afterwards.
void Server::ask_again_later() {
  if (ask_timer_ != 0) loop_.cancel(ask_timer_);
  ask_timer_ = loop_.after(kAskSentinelEvery, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->ask_timer_ = 0;
    if (self->link_) self->ask_sentinel();
  });
}

void Server::connect_to(const Endpoint& to) {
  current_ = to;
  const std::weak_ptr<Server> weak = weak_from_this();
  link_ = Link::connect(network_, options_for(to, config_.login),
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

/// Sentinels may name the old master for a moment after it has become a replica, which refuses to write. A user who may
/// not ask for the role takes their word for it.
void Server::check_role() {
  if (config_.kind != RedisConfig::Kind::sentinel) {
    came_up();
    return;
  }
  link_->send(encode({"ROLE"}), [weak = weak_from_this(), link = link_](const Reply& reply) {
    const auto self = weak.lock();
    if (!self || self->closed_ || self->link_ != link || reply.kind() == Reply::Kind::none) return;
    if (reply.is_error() || reply.at(0).text() == "master") {
      self->came_up();
    } else {
      self->next_sentinel();
      link->fail(CLEAT_UNAVAILABLE, "the sentinels call it master, but it says that it is none");
    }
  });
}

void Server::came_up() {
  ready_ = true;
  attempts_ = 0;
  up_since_ = std::chrono::steady_clock::now();
  down_status_ = CLEAT_UNAVAILABLE;
  why_down_.clear();
  watcher_(CLEAT_HEALTH_UP, "");
  for (auto& [command, answer] : std::exchange(waiting_, {}))
    transmit(command, std::move(answer));
}

void Server::fail_waiting(const Trouble& trouble) {
  for (const auto& [command, answer] : std::exchange(waiting_, {}))
    answer.failed(trouble);
}

void Server::went_down(cleat_status status, const std::string& why) {
  if (ready_ && std::chrono::steady_clock::now() - up_since_ > kLasting) back_off_.reset();
  ready_ = false;
  ++attempts_;
  if (link_) {
    loop_.before_sleep([old = std::exchange(link_, nullptr)] { old->close(); });
  }
  down_status_ = status;
  why_down_ = why;
  fail_waiting({status, why});
  watcher_(CLEAT_HEALTH_DOWN, why);
  if (retry_timer_ != 0) loop_.cancel(retry_timer_);
  retry_timer_ = loop_.after(back_off_.next(), [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->retry_timer_ = 0;
    self->connect();
  });
}

void Server::send(const CommandPtr& command, Answer answer) {
  if (closed_) {
    answer.failed({CLEAT_CANCELLED, "the component stops"});
  } else if (ready_) {
    transmit(command, std::move(answer));
  } else if (!why_down_.empty()) {
    answer.failed({down_status_, why_down_});
  } else if (waiting_.size() >= kMostWaiting) {
    answer.failed(
        {CLEAT_THROTTLED, std::to_string(kMostWaiting) + " commands wait for a connection to Redis already"});
  } else {
    waiting_.emplace_back(command, std::move(answer));
  }
}

void Server::transmit(const CommandPtr& command, Answer answer) {
  if (command->is_unwanted) return answer.failed({CLEAT_CANCELLED, "nobody waits for it any more"});
  if (command->is_asking) link_->send(encode({"ASKING"}), [](const Reply&) {});
  command->was_sent = true;
  // Its end calls this too, so the link is there when it is called.
  const auto replied = [answer = std::move(answer), link = link_.get(),
                        weak = weak_from_this()](const Reply& reply) {
    const auto self = weak.lock();
    const bool is_ours = self && !self->closed_;
    if (reply.kind() != Reply::Kind::none) {
      answer.done(reply, link->to());
      if (is_ours) self->answered(reply, *link);
    } else if (!is_ours) {
      answer.failed({CLEAT_CANCELLED, "the component stops"});
    } else {
      const std::string& known = self->why_down_;
      answer.failed({self->down_status_,
                     known.empty() ? "the connection to Redis at " + link->to().text() + " ended" : known});
    }
  };
  link_->send(command->wire, replied, command->patience);
}

/// A master that has become a replica: the sentinels know the new one, or the name leads to it by now.
void Server::answered(const Reply& reply, Link& by) {
  if (closed_ || link_.get() != &by) return;
  if (reply.error_word() == "READONLY") by.fail(CLEAT_UNAVAILABLE, "it is not the master any more");
}

void Server::close() {
  closed_ = true;
  ready_ = false;
  if (retry_timer_ != 0) loop_.cancel(std::exchange(retry_timer_, 0));
  if (ask_timer_ != 0) loop_.cancel(std::exchange(ask_timer_, 0));
  if (sentinel_) std::exchange(sentinel_, nullptr)->close();
  if (link_) std::exchange(link_, nullptr)->close();
  fail_waiting({CLEAT_CANCELLED, "the component stops"});
}

}  // namespace cleat::redis
