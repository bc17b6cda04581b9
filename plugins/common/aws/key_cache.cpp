#include "common/aws/key_cache.hpp"

#include <mutex>
#include <utility>

namespace cleat::aws {
namespace {

using namespace std::chrono_literals;

/// Temporary keys are renewed so long before their end; a role's last an hour, an instance's six.
constexpr std::uint64_t kEarlySeconds = 300;
/// Of a profile's file nobody says when it changes.
constexpr auto kLookAgain = 15min;

std::uint64_t now_s() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
}

}  // namespace

/// The way back from the library's thread, which may come after the end.
struct KeyCache::Link {
  std::mutex mutex;
  KeyCache* cache = nullptr;
};

KeyCache::KeyCache(common::EventLoop& loop, std::unique_ptr<KeySource> source, common::BackOff back_off)
    : loop_(loop), source_(std::move(source)), link_(std::make_shared<Link>()), back_off_(back_off) {
  link_->cache = this;
}

KeyCache::~KeyCache() {
  const std::lock_guard lock(link_->mutex);
  link_->cache = nullptr;
}

bool KeyCache::is_good() const {
  return keys_ && keys_->expires_at_s > now_s();
}

bool KeyCache::is_due() const {
  if (!keys_) return true;
  if (keys_->expires_at_s != kNeverExpires) return keys_->expires_at_s <= now_s() + kEarlySeconds;
  return Clock::now() >= look_again_;
}

void KeyCache::get(Got got) {
  if (!is_asking_ && is_due() && Clock::now() >= not_before_) fetch();
  if (is_good()) return got(keys_, {});
  if (!is_asking_) return got(nullptr, why_);
  waiting_.push_back(std::move(got));
}

void KeyCache::refused(const KeysPtr& keys) {
  if (keys != keys_ || is_asking_ || Clock::now() < not_before_) return;
  // At most so often, should what comes be no better.
  not_before_ = Clock::now() + back_off_.next();
  fetch();
}

void KeyCache::fetch() {
  is_asking_ = true;
  source_->fetch([link = link_](KeysPtr keys, const std::string& why) {
    const std::lock_guard lock(link->mutex);
    KeyCache* const cache = link->cache;
    if (cache == nullptr) return;
    cache->loop_.post([link, keys = std::move(keys), why] {
      // The loop's thread is the one that closes.
      if (link->cache != nullptr) link->cache->fetched(keys, why);
    });
  });
}

void KeyCache::fetched(const KeysPtr& keys, const std::string& why) {
  is_asking_ = false;
  if (keys) {
    const bool is_new = !keys_ || keys_->id != keys->id || keys_->token != keys->token;
    keys_ = keys;
    look_again_ = Clock::now() + kLookAgain;
    if (is_new) back_off_.reset();
  } else {
    why_ = "no AWS credentials: " + why;
    not_before_ = Clock::now() + back_off_.next();
  }
  for (const Got& got : std::exchange(waiting_, {}))
    is_good() ? got(keys_, {}) : got(nullptr, why_);
}

void KeyCache::close() {
  {
    const std::lock_guard lock(link_->mutex);
    link_->cache = nullptr;
  }
  for (const Got& got : std::exchange(waiting_, {}))
    got(nullptr, "the component has stopped");
}

}  // namespace cleat::aws
