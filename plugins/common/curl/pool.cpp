#include "common/curl/pool.hpp"

#include <sys/epoll.h>

#include <new>
#include <utility>

namespace cleat::common {
namespace {

CURLM* new_multi() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  CURLM* multi = ready == CURLE_OK ? curl_multi_init() : nullptr;
  if (multi == nullptr) throw std::bad_alloc();
  return multi;
}

}  // namespace

CurlLoop::Pool::Pool(EventLoop& loop, long max_connections, Done done)
    : loop_(loop), done_(std::move(done)), multi_(new_multi()) {
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(
      multi_, CURLMOPT_SOCKETFUNCTION, +[](CURL*, curl_socket_t descriptor, int what, void* self, void*) {
        static_cast<Pool*>(self)->watch(descriptor, what);
        return 0;
      });
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(
      multi_, CURLMOPT_TIMERFUNCTION, +[](CURLM*, long wait_ms, void* self) {
        static_cast<Pool*>(self)->arm(wait_ms);
        return 0;
      });
  curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, max_connections);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, max_connections);
}

CurlLoop::Pool::~Pool() {
  curl_multi_cleanup(multi_);  // closes connections, and says so to watch()
  arm(-1);
}

void CurlLoop::Pool::add(CURL* easy) {
  ++count_;
  curl_multi_add_handle(multi_, easy);
}

void CurlLoop::Pool::remove(CURL* easy) {
  --count_;
  curl_multi_remove_handle(multi_, easy);
}

void CurlLoop::Pool::look_at(int descriptor) {
  act(CURL_SOCKET_TIMEOUT, 0);
  act(descriptor, CURL_CSELECT_IN);
}

void CurlLoop::Pool::act(int descriptor, int events) {
  int running = 0;
  curl_multi_socket_action(multi_, descriptor, events, &running);
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    Transfer* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    done_(transfer, code);
  }
}

void CurlLoop::Pool::watch(int descriptor, int what) {
  const auto found = watched_.find(descriptor);
  if (what == CURL_POLL_REMOVE) {
    if (found == watched_.end()) return;
    loop_.remove(descriptor);
    watched_.erase(found);
    return;
  }
  const std::uint32_t wanted =
      ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
  if (found == watched_.end()) {
    watched_[descriptor] = wanted;
    loop_.add(descriptor, wanted, [this, descriptor](std::uint32_t events) {
      act(descriptor, ((events & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0) |
                          ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                          ((events & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0));
    });
  } else if (found->second != wanted) {
    found->second = wanted;
    loop_.change(descriptor, wanted);
  }
}

void CurlLoop::Pool::arm(long wait_ms) {
  if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
  if (wait_ms < 0) return;
  timer_ = loop_.after(std::chrono::milliseconds(wait_ms), [this] {
    timer_ = 0;
    act(CURL_SOCKET_TIMEOUT, 0);
  });
}

}  // namespace cleat::common
