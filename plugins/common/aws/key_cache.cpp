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
constexpr std::size_t kMostWaiting = 4096;

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
    : loop_(loop),
      source_(std::move(source)),
      link_(std::make_shared<Link>()),
      back_off_(back_off),
      waiting_(loop, kMostWaiting, [](const Done& late) {
        const common::ServiceFailure failure{
            CLEAT_TIMEOUT, true, 0, 0, {}, "AWS credentials were not there in time"};
        late(nullptr, &failure);
      }) {
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

void KeyCache::get(std::uint64_t deadline_ns, Done done) {
  if (!is_asking_ && is_due() && Clock::now() >= not_before_) fetch();
  if (is_good()) return done(keys_, nullptr);
  if (!is_asking_) {
    const common::ServiceFailure held = last_failure_;
    return done(nullptr, &held);
  }
  if (waiting_.is_full()) {
    const common::ServiceFailure full{
        CLEAT_THROTTLED, true, 0, 0, {}, "4096 requests wait for AWS credentials, more may not"};
    return done(nullptr, &full);
  }
  waiting_.add({deadline_ns}, std::move(done));
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
    last_failure_ = {CLEAT_UNAUTHENTICATED, true, 0, 0, {}, "no AWS credentials: " + why};
    not_before_ = Clock::now() + back_off_.next();
  }
  // Who is answered may ask again, and what is held here may change.
  const KeysPtr good = is_good() ? keys_ : nullptr;
  const common::ServiceFailure failure = last_failure_;
  for (const Done& done : waiting_.take_all())
    done(good, good ? nullptr : &failure);
}

void KeyCache::close() {
  {
    const std::lock_guard lock(link_->mutex);
    link_->cache = nullptr;
  }
  const common::ServiceFailure stopped{
      CLEAT_CANCELLED, true, 0, 0, {}, "the component stopped before there were AWS credentials"};
  for (const Done& done : waiting_.take_all())
    done(nullptr, &stopped);
}

}  // namespace cleat::aws
