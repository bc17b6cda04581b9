#include "name_lookup.hpp"

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
  Lookup(common::Resolver& resolver, const Parameters& parameters, FoundServers answer)
      : resolver_(resolver),
        parameters_(parameters),
        answer_(std::move(answer)),
        hosts_(parts(parameters.get("host"))),
        ports_(parts(parameters.get("port"))) {}

  void begin() { is_needed() ? go_on() : answer_(parameters_, {}); }

 private:
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
    if (host_list_.empty()) {
      answer_(parameters_, error_);
      return;
    }
    parameters_.set("host", host_list_);
    parameters_.set("hostaddr", address_list_);
    parameters_.set("port", port_list_);
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
    const char* const comma = host_list_.empty() ? "" : ",";
    host_list_ += comma + host;
    address_list_ += comma + address;
    port_list_ += comma + (ports_.size() == 1 ? ports_[0] : ports_[next_]);
  }

  common::Resolver& resolver_;
  Parameters parameters_;
  FoundServers answer_;
  std::vector<std::string> hosts_, ports_;
  std::size_t next_ = 0;
  std::string host_list_, address_list_, port_list_, error_;
};

}  // namespace

void look_up_servers(common::EventLoop& loop, common::Resolver& resolver, const Parameters& parameters,
                     FoundServers answer) {
  loop.before_sleep(
      [lookup = std::make_shared<Lookup>(resolver, parameters, std::move(answer))] { lookup->begin(); });
}

}  // namespace cleat::postgresql
