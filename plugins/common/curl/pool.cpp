#include "common/curl/pool.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iterator>
#include <new>
#include <utility>

#include "common/curl/transfer.hpp"

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
  for (auto each = sockets_.begin(); each != sockets_.end();)
    each = each->second == easy ? sockets_.erase(each) : std::next(each);
}

/// What a connection refers to is the pool, which lives longer than it. A socket may be closed before the transfer ends,
/// and its number be another's then: of two addresses that are tried at once one is given up.
void CurlLoop::Pool::keep_sockets(CURL* easy) {
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, easy);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
}

void CurlLoop::Pool::cut(CURL* easy) {
  for (const auto& [descriptor, owner] : sockets_) {
    if (owner == easy) ::shutdown(descriptor, SHUT_RDWR);
  }
}

int CurlLoop::Pool::on_socket(void* easy, curl_socket_t descriptor, curlsocktype /*purpose*/) {
  Transfer* transfer = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
  transfer->pool->sockets_[descriptor] = easy;
  set_user_timeout(descriptor);
  return CURL_SOCKOPT_OK;
}

int CurlLoop::Pool::on_close(void* self, curl_socket_t descriptor) {
  static_cast<Pool*>(self)->sockets_.erase(descriptor);
  return ::close(descriptor);
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
