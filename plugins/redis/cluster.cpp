#include "cluster.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "commands.hpp"

namespace cleat::redis {
namespace {

using namespace std::chrono_literals;

constexpr auto kRefreshAfter = 200ms;
constexpr int kMostRedirects = 5;
constexpr std::size_t kMostWaiting = 8192;

}  // namespace

Cluster::Cluster(common::EventLoop& loop, const RedisConfig& config, SSL_CTX* tls, Watcher watcher)
    : loop_(loop), config_(config), tls_(tls), watcher_(std::move(watcher)) {}

void Cluster::open() {
  for (const Endpoint& host : config_.hosts)
    node(host);
}

Cluster::ServerPtr Cluster::node(const Endpoint& endpoint) {
  const auto [place, is_new] = nodes_.try_emplace(endpoint.text());
  if (!is_new) return place->second;
  const std::weak_ptr<Cluster> weak = weak_from_this();
  const std::string name = endpoint.text();
  place->second =
      std::make_shared<Server>(loop_, config_, tls_, endpoint,
                               Watcher{[weak, name] {
                                         const auto self = weak.lock();
                                         if (!self || self->closed_) return;
                                         const auto found = self->nodes_.find(name);
                                         if (found != self->nodes_.end()) self->node_up(found->second);
                                       },
                                       [weak, endpoint](cleat_status status, const std::string& why) {
                                         const auto self = weak.lock();
                                         if (self && !self->closed_) self->node_down(endpoint, status, why);
                                       }});
  const ServerPtr made = place->second;
  made->open();
  return made;
}

void Cluster::node_up(const ServerPtr& node) {
  refresh(node);
}

bool Cluster::any_up() const {
  return std::any_of(nodes_.begin(), nodes_.end(), [](const auto& each) { return each.second->is_up(); });
}

void Cluster::node_down(const Endpoint& endpoint, cleat_status status, const std::string& why) {
  down_status_ = status;
  why_down_ = why;
  if (any_up()) {
    refresh_soon();  // another node may hold its slots by now
    return;
  }
  told_up_ = false;
  watcher_.down(status, "no node of the cluster can be reached; the last one tried was " + endpoint.text() +
                            ": " + why);
  std::deque<CommandPtr> waiting;
  waiting.swap(waiting_);
  for (const CommandPtr& command : waiting)
    command->failed({status, why, false});
}

void Cluster::refresh_soon() {
  if (refresh_timer_ != 0) return;
  refresh_timer_ = loop_.after(kRefreshAfter, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->closed_) return;
    self->refresh_timer_ = 0;
    for (const auto& [name, server] : self->nodes_) {
      if (server->is_up()) {
        self->refresh(server);
        return;
      }
    }
  });
}

void Cluster::refresh(const ServerPtr& from) {
  if (refreshing_) return;
  refreshing_ = true;
  auto command = std::make_shared<Command>();
  command->wire = encode({"CLUSTER", "SLOTS"});
  const std::weak_ptr<Cluster> weak = weak_from_this();
  command->done = [weak](const Reply& reply, const Endpoint& where) {
    const auto self = weak.lock();
    if (!self || self->closed_) return;
    self->refreshing_ = false;
    self->learn(reply, where);
  };
  command->failed = [weak](const Trouble&) {
    const auto self = weak.lock();
    if (!self || self->closed_) return;
    self->refreshing_ = false;
    self->refresh_soon();
  };
  from->send(command);
}

/// [[first, last, [host, port, id, ...], replicas...], ...]
void Cluster::learn(const Reply& table, const Endpoint& from) {
  if (table.is_error() || table.size() == 0) {
    why_down_ = table.is_error() ? std::string(table.text()) : "the cluster holds no slots yet";
    down_status_ = CLEAT_UNAVAILABLE;
    if (!told_up_) watcher_.down(CLEAT_UNAVAILABLE, "Redis at " + from.text() + ": " + why_down_);
    refresh_soon();
    return;
  }
  for (std::size_t i = 0; i < table.size(); ++i) {
    const Reply range = table.at(i), master = range.at(2);
    Endpoint endpoint{std::string(master.at(0).text()), static_cast<std::uint16_t>(master.at(1).integer())};
    if (endpoint.host.empty()) endpoint.host = from.host;
    if (endpoint.port == 0) continue;
    const ServerPtr holder = node(endpoint);
    const std::int64_t last = std::min<std::int64_t>(range.at(1).integer(), kSlots - 1);
    for (std::int64_t slot = std::max<std::int64_t>(range.at(0).integer(), 0); slot <= last; ++slot)
      slots_[static_cast<std::size_t>(slot)] = holder;
  }
  forget_unused();
  known_ = true;
  if (!told_up_) {
    told_up_ = true;
    watcher_.up();
  }
  std::deque<CommandPtr> waiting;
  waiting.swap(waiting_);
  for (const CommandPtr& command : waiting)
    send(command);
}

/// Nodes that hold nothing are let go of, but for those that the component names: they are asked first again.
void Cluster::forget_unused() {
  std::set<Server*> used;
  for (const ServerPtr& each : slots_)
    used.insert(each.get());
  for (auto each = nodes_.begin(); each != nodes_.end();) {
    const Endpoint& endpoint = each->second->endpoint();
    const bool is_named =
        std::find(config_.hosts.begin(), config_.hosts.end(), endpoint) != config_.hosts.end();
    if (is_named || used.count(each->second.get()) != 0) {
      ++each;
      continue;
    }
    loop_.before_sleep([old = each->second] { old->close(); });
    each = nodes_.erase(each);
  }
}

void Cluster::send(CommandPtr command) {
  if (command->is_unwanted) return;
  if (closed_) {
    command->failed({CLEAT_CANCELLED, "the component stops", false});
    return;
  }
  if (known_) {
    const ServerPtr& holder = slots_[slot_of(command->key)];
    if (holder) {
      transmit(command, holder, false);
    } else {
      command->failed({CLEAT_UNAVAILABLE,
                       "no node of the cluster holds slot " + std::to_string(slot_of(command->key)), false});
    }
    return;
  }
  if (!why_down_.empty() && !any_up()) {
    command->failed({down_status_, why_down_, false});
  } else if (waiting_.size() >= kMostWaiting) {
    command->failed({CLEAT_THROTTLED,
                     std::to_string(kMostWaiting) + " commands wait for the cluster's slots already", false});
  } else {
    waiting_.push_back(std::move(command));
  }
}

void Cluster::transmit(const CommandPtr& command, const ServerPtr& to, bool asking) {
  auto outer = std::make_shared<Command>();
  outer->wire = command->wire;
  outer->patience = command->patience;
  const std::weak_ptr<Cluster> weak = weak_from_this();
  outer->done = [weak, command](const Reply& reply, const Endpoint& from) {
    const auto self = weak.lock();
    if (self && !self->closed_) {
      self->answered(command, reply, from);
    } else {
      command->done(reply, from);
    }
  };
  outer->failed = [weak, command](const Trouble& trouble) {
    const auto self = weak.lock();
    if (self && !self->closed_) self->refresh_soon();
    command->failed(trouble);
  };
  if (asking) {
    to->send_asking(outer);
  } else {
    to->send(outer);
  }
}

void Cluster::answered(const CommandPtr& command, const Reply& reply, const Endpoint& from) {
  const auto redirect = reply.is_error() ? parse_redirect(reply.text(), from.host) : std::nullopt;
  if (!redirect || ++command->redirects > kMostRedirects) {
    command->done(reply, from);
    return;
  }
  const ServerPtr to = node(redirect->to);
  if (!redirect->is_ask) {
    slots_[redirect->slot] = to;
    refresh_soon();
  }
  transmit(command, to, redirect->is_ask);
}

void Cluster::close() {
  closed_ = true;
  if (refresh_timer_ != 0) loop_.cancel(std::exchange(refresh_timer_, 0));
  for (const auto& [name, server] : nodes_)
    server->close();
  std::deque<CommandPtr> waiting;
  waiting.swap(waiting_);
  for (const CommandPtr& command : waiting)
    command->failed({CLEAT_CANCELLED, "the component stops", false});
}

}  // namespace cleat::redis
