#include "name_lookup.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace cleat::postgresql {
namespace {

/// Empty ones too, which mean something to libpq.
std::vector<std::string> parts(const std::string& list) {
  std::vector<std::string> out;
  std::size_t at = 0;
  for (std::size_t comma = 0; comma != std::string::npos; at = comma + 1) {
    comma = list.find(',', at);
    out.push_back(list.substr(at, comma == std::string::npos ? comma : comma - at));
  }
  return out;
}

bool is_name(const std::string& host) {
  return host[0] != '/' && host[0] != '@';
}

/// One host after the other.
class Lookup : public std::enable_shared_from_this<Lookup> {
 public:
  Lookup(common::Resolver& resolver, const Parameters& parameters, std::size_t first, FoundServers answer)
      : resolver_(resolver),
        parameters_(parameters),
        first_(first),
        answer_(std::move(answer)),
        hosts_(parts(parameters.get("host"))),
        ports_(parts(parameters.get("port"))) {}

  void begin() { is_needed() ? go_on() : answer_(parameters_, {}); }

 private:
  struct Server {
    std::string host, address, port;
  };

  /// An empty host is the system's default, and a wrong number of ports libpq's to complain about.
  [[nodiscard]] bool is_needed() const {
    if (!parameters_.get("hostaddr").empty() || (ports_.size() > 1 && ports_.size() != hosts_.size()))
      return false;
    for (const std::string& host : hosts_) {
      if (host.empty()) return false;
    }
    return true;
  }

  void go_on() {
    for (; next_ < hosts_.size(); ++next_) {
      const std::string& host = hosts_[next_];
      if (is_name(host)) {
        resolver_.ask(host, 0,
                      [self = shared_from_this()](const common::Addresses& found) { self->take(found); });
        return;
      }
      add(host, "");
    }
    if (found_.empty()) {
      answer_(parameters_, error_);
      return;
    }
    std::rotate(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(first_ % found_.size()),
                found_.end());
    parameters_.set("host", list_of(&Server::host));
    parameters_.set("hostaddr", list_of(&Server::address));
    parameters_.set("port", list_of(&Server::port));
    answer_(parameters_, {});
  }

  void take(const common::Addresses& found) {
    for (const common::Address& address : found.addresses)
      add(hosts_[next_], address.text);
    if (found.addresses.empty()) error_ = found.error;
    ++next_;
    go_on();
  }

  void add(const std::string& host, const std::string& address) {
    found_.push_back({host, address, ports_.size() == 1 ? ports_[0] : ports_[next_]});
  }

  [[nodiscard]] std::string list_of(std::string Server::*member) const {
    std::string list;
    for (const Server& server : found_)
      list += (&server == found_.data() ? "" : ",") + server.*member;
    return list;
  }

  common::Resolver& resolver_;
  Parameters parameters_;
  const std::size_t first_;
  FoundServers answer_;
  std::vector<std::string> hosts_, ports_;
  std::size_t next_ = 0;
  std::vector<Server> found_;
  std::string error_;
};

}  // namespace

void look_up_servers(common::EventLoop& loop, common::Resolver& resolver, const Parameters& parameters,
                     std::size_t first, FoundServers answer) {
  loop.before_sleep([lookup = std::make_shared<Lookup>(resolver, parameters, first, std::move(answer))] {
    lookup->begin();
  });
}

}  // namespace cleat::postgresql
