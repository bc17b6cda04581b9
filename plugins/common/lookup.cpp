#include "common/lookup.hpp"

#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace cleat::common {

struct Lookup::Asked {
  std::mutex mutex;
  Done done;
};

Lookup::Lookup(const std::string& host, std::uint16_t port, Done done) : asked_(std::make_shared<Asked>()) {
  asked_->done = std::move(done);
  try {
    std::thread([asked = asked_, host, port] {
      Addresses found = look_up(host, port);
      const std::lock_guard lock(asked->mutex);
      if (asked->done) asked->done(std::move(found));
    }).detach();
  } catch (const std::system_error& error) {
    asked_->done({{}, "the name '" + host + "' cannot be resolved: " + error.what()});
  }
}

Lookup::~Lookup() {
  const std::lock_guard lock(asked_->mutex);
  asked_->done = nullptr;
}

}  // namespace cleat::common
