#include "cluster.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "commands.hpp"

namespace cleat::redis {
namespace {

using namespace std::chrono_literals;

constexpr auto kRefreshAfter = 200ms;
constexpr auto kLookEvery = 10s;
// A node that says it is cut off, or has no master, knows the table of before.
constexpr auto kDistrustFor = 5s;
// A node that holds nothing yet and gets its first slot is sent to by ASK until it is in the table.
constexpr auto kKeepAfterRedirect = 30s;
constexpr int kMostRedirects = 5;
constexpr std::size_t kMostWaiting = 8192;

}  // namespace

Cluster::Cluster(const Network& network, const RedisConfig& config, Watcher watcher)
    : network_(network), loop_(network.loop), config_(config), watcher_(std::move(watcher)) {}

void Cluster::open() {
  for (const Endpoint& host : config_.hosts)
    node(host);
  look_later();
}

Cluster::NodePtr Cluster::node(const Endpoint& endpoint) {
  const auto [place, is_new] = nodes_.try_emplace(endpoint.text());
  if (!is_new) return place->second;
  const NodePtr made = std::make_shared<Node>();
  place->second = made;
  made->server = std::make_shared<Server>(network_, config_, endpoint,
                                          [weak = weak_from_this(), its = std::weak_ptr<Node>(made)](
                                              std::int32_t health, const std::string& why) {
                                            const auto self = weak.lock();
                                            const auto changed = its.lock();
                                            if (self && changed && !self->closed_)
                                              self->node_changed(changed, health, why);
                                          });
  made->server->open();
  return made;
}

void Cluster::node_changed(const NodePtr& node, std::int32_t health, const std::string& why) {
  if (health == CLEAT_HEALTH_UP) {
    // One that comes back may know the table of before only, so that it is not the one to be asked.
    if (known_) {
      refresh_soon();
    } else {
      refresh(node->server);
    }
  } else {
    why_ = why;
    refresh_soon();  // another node may hold its slots by now
    if (all_down()) fail_waiting({CLEAT_UNAVAILABLE, why});
  }
  tell();
}

bool Cluster::all_down() const {
  return std::none_of(nodes_.begin(), nodes_.end(),
                      [](const auto& each) { return each.second->server->why_down().empty(); });
}

/// Up only if there is a node for every slot, and none of these is known to be gone.
void Cluster::tell() {
  if (all_down()) {
    watcher_(CLEAT_HEALTH_DOWN, "no node of the cluster can be reached: " + why_);
    return;
  }
  if (!known_) {
    if (!why_.empty()) watcher_(CLEAT_HEALTH_DOWN, why_);
    return;
  }
  std::size_t without = 0;
  std::string why;
  for (const NodePtr& holder : slots_) {
    if (holder && holder->server->why_down().empty()) continue;
    ++without;
    if (holder) why = ": " + holder->server->why_down();
  }
  if (without == 0) {
    watcher_(CLEAT_HEALTH_UP, "");
  } else {
    watcher_(CLEAT_HEALTH_DEGRADED, std::to_string(without) + " of the cluster's " + std::to_string(kSlots) +
                                        " slots are not served" + why);
  }
}

void Cluster::fail_waiting(const Trouble& trouble) {
  for (const auto& [command, answer] : std::exchange(waiting_, {}))
    answer.failed(trouble);
}

void Cluster::refresh_soon() {
  if (refresh_timer_ != 0) return;
  refresh_timer_ = loop_.after(kRefreshAfter, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->closed_) return;
    self->refresh_timer_ = 0;
    self->refresh_from_next();
  });
}

/// Also without a word against it: a master that is cut off from the others serves reads for a while.
void Cluster::look_later() {
  look_timer_ = loop_.after(kLookEvery, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->closed_) return;
    self->refresh_from_next();
    self->look_later();
  });
}

/// Another node each time, since one may be wrong; one that has just said that it is cut off only if there is no other.
void Cluster::refresh_from_next() {
  if (refreshing_) return refresh_soon();
  const Clock::time_point now = Clock::now();
  auto each = nodes_.upper_bound(asked_last_);
  NodePtr next;
  for (std::size_t i = 0; i < nodes_.size(); ++i, ++each) {
    if (each == nodes_.end()) each = nodes_.begin();
    const NodePtr& node = each->second;
    if (!node->server->is_up()) continue;
    if (!next || node->distrusted_until <= now) next = node;
    if (node->distrusted_until <= now) break;
  }
  if (!next) return;
  asked_last_ = next->server->endpoint().text();
  refresh(next->server);
}

void Cluster::refresh(const ServerPtr& from) {
  if (refreshing_) return;
  refreshing_ = true;
  const auto command = std::make_shared<Command>();
  command->wire = encode({"CLUSTER", "SLOTS"});
  const std::weak_ptr<Cluster> weak = weak_from_this();
  from->send(command, {[weak](const Reply& reply, const Endpoint& where) {
                         const auto self = weak.lock();
                         if (!self || self->closed_) return;
                         self->refreshing_ = false;
                         self->learn(reply, where);
                       },
                       [weak](const Trouble&) {
                         const auto self = weak.lock();
                         if (!self || self->closed_) return;
                         self->refreshing_ = false;
                         self->refresh_soon();
                       }});
}

/// [[first, last, [host, port, id, ...], replicas...], ...]
void Cluster::learn(const Reply& table, const Endpoint& from) {
  if (table.is_error() || table.size() == 0) {
    why_ = "Redis at " + from.text() + ": " +
           (table.is_error() ? std::string(table.text()) : "the cluster holds no slots yet");
    if (!known_) fail_waiting({CLEAT_UNAVAILABLE, why_});
    tell();
    refresh_soon();
    return;
  }
  std::array<NodePtr, kSlots> slots;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const Reply range = table.at(i), master = range.at(2);
    Endpoint endpoint{std::string(master.at(0).text()), static_cast<std::uint16_t>(master.at(1).integer())};
    if (endpoint.host.empty()) endpoint.host = from.host;
    if (endpoint.port == 0) continue;
    const NodePtr holder = node(endpoint);
    const std::int64_t last = std::min<std::int64_t>(range.at(1).integer(), kSlots - 1);
    for (std::int64_t slot = std::max<std::int64_t>(range.at(0).integer(), 0); slot <= last; ++slot)
      slots[static_cast<std::size_t>(slot)] = holder;
  }
  slots_ = std::move(slots);
  forget_unused();
  known_ = true;
  tell();
  for (auto& [command, answer] : std::exchange(waiting_, {}))
    send(command, std::move(answer));
}

/// Nodes that hold nothing and have nothing to do are let go of, but for those that the component names: they are asked
/// first again.
void Cluster::forget_unused() {
  std::set<const Node*> used;
  for (const NodePtr& each : slots_)
    used.insert(each.get());
  const Clock::time_point long_ago = Clock::now() - kKeepAfterRedirect;
  for (auto each = nodes_.begin(); each != nodes_.end();) {
    const NodePtr node = each->second;
    const Endpoint& endpoint = node->server->endpoint();
    const bool is_named =
        std::find(config_.hosts.begin(), config_.hosts.end(), endpoint) != config_.hosts.end();
    if (is_named || used.count(node.get()) != 0 || node->out != 0 || node->redirected_to > long_ago) {
      ++each;
      continue;
    }
    loop_.before_sleep([node] { node->server->close(); });
    each = nodes_.erase(each);
  }
}

void Cluster::send(const CommandPtr& command, Answer answer) {
  if (closed_) return answer.failed({CLEAT_CANCELLED, "the component stops"});
  if (known_) {
    const std::uint16_t slot = slot_of(command->key);
    if (slots_[slot]) return transmit(command, slots_[slot], std::move(answer));
    refresh_soon();
    answer.failed({CLEAT_UNAVAILABLE, "no node of the cluster holds slot " + std::to_string(slot)});
  } else if (all_down()) {
    answer.failed({CLEAT_UNAVAILABLE, why_});
  } else if (waiting_.size() >= kMostWaiting) {
    answer.failed(
        {CLEAT_THROTTLED, std::to_string(kMostWaiting) + " commands wait for the cluster's slots already"});
  } else {
    waiting_.emplace_back(command, std::move(answer));
  }
}

void Cluster::transmit(const CommandPtr& command, const NodePtr& to, Answer answer) {
  ++to->out;
  const auto held = std::make_shared<Answer>(std::move(answer));
  const std::weak_ptr<Cluster> weak = weak_from_this();
  to->server->send(command, {[weak, command, held, to](const Reply& reply, const Endpoint& from) {
                               --to->out;
                               const auto self = weak.lock();
                               if (self && !self->closed_) {
                                 self->answered(command, reply, from, to, *held);
                               } else {
                                 held->done(reply, from);
                               }
                             },
                             [weak, held, to](const Trouble& trouble) {
                               --to->out;
                               const auto self = weak.lock();
                               if (self && !self->closed_) self->refresh_soon();
                               held->failed(trouble);
                             }});
}

void Cluster::answered(const CommandPtr& command, const Reply& reply, const Endpoint& from, const NodePtr& by,
                       const Answer& answer) {
  const std::string_view word = reply.error_word();
  if (word == "CLUSTERDOWN" || word == "MASTERDOWN") {
    by->distrusted_until = Clock::now() + kDistrustFor;
    refresh_soon();
  }
  const auto redirect = reply.is_error() ? parse_redirect(reply.text(), from.host) : std::nullopt;
  if (!redirect || ++command->redirects > kMostRedirects) {
    answer.done(reply, from);
    return;
  }
  const NodePtr to = node(redirect->to);
  to->redirected_to = Clock::now();
  if (!redirect->is_ask) {
    slots_[redirect->slot] = to;
    refresh_soon();
  }
  command->is_asking = redirect->is_ask;
  command->was_sent = false;  // a redirect says that it was not carried out
  transmit(command, to, answer);
}

void Cluster::close() {
  closed_ = true;
  if (refresh_timer_ != 0) loop_.cancel(std::exchange(refresh_timer_, 0));
  if (look_timer_ != 0) loop_.cancel(std::exchange(look_timer_, 0));
  for (const auto& [name, node] : nodes_)
    node->server->close();
  fail_waiting({CLEAT_CANCELLED, "the component stops"});
}

}  // namespace cleat::redis
