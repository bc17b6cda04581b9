#include "common/curl_loop.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <mutex>

#include "common/curl_transfer.hpp"

namespace cleat::common {
namespace {

void set_up_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

struct CurlLoop::Multi {
  Multi() : handle((set_up_curl(), curl_multi_init())) {}
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;
  ~Multi() { curl_multi_cleanup(handle); }
  CURLM* handle;
};

CurlLoop::CurlLoop(Options options) : options_(std::move(options)), multi_(std::make_unique<Multi>()) {
  CURLM* multi = multi_->handle;
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(
      multi, CURLMOPT_SOCKETFUNCTION, +[](CURL*, curl_socket_t descriptor, int what, void* self, void*) {
        static_cast<CurlLoop*>(self)->watch(descriptor, what);
        return 0;
      });
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(
      multi, CURLMOPT_TIMERFUNCTION, +[](CURLM*, long wait_ms, void* self) {
        static_cast<CurlLoop*>(self)->arm(wait_ms);
        return 0;
      });
  curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, options_.max_connections);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, options_.max_connections);
}

CurlLoop::~CurlLoop() {
  stop();
  multi_.reset();  // closes connections, and says so to watch()
}

void CurlLoop::start() {
  loop_.start();
}

void CurlLoop::stop() {
  loop_.post([this] {
    stopped_ = true;
    const TransferFailure failure{TransferFailure::Kind::cancelled, true, 0,
                                  "the component stopped before there was an answer"};
    std::vector<std::shared_ptr<Transfer>> all;
    for (const auto& [id, transfer] : transfers_)
      all.push_back(transfer);
    for (const auto& transfer : all)
      abandon(transfer, failure);
    // A mail that was cut off ends as its socket says so.
    for (const auto& transfer : all) {
      if (transfers_.count(transfer->id) != 0) socket_action(CURL_SOCKET_TIMEOUT, 0);
      if (transfers_.count(transfer->id) != 0 && transfer->descriptor >= 0)
        socket_action(transfer->descriptor, CURL_CSELECT_IN);
    }
  });
  loop_.stop();
}

/// The caller is told at once. A request is then taken out; a mail is not, because libcurl would wait for the server
/// to say goodbye, and would end the text as if it were whole: its connection is cut, and libcurl finds out.
void CurlLoop::abandon(const std::shared_ptr<Transfer>& transfer, const TransferFailure& failure) {
  transfer->answer(&failure);
  if (!transfer->is_mail || transfer->descriptor < 0) {
    end(transfer, &failure);
  } else {
    ::shutdown(transfer->descriptor, SHUT_RDWR);
  }
}

std::uint64_t CurlLoop::send(HttpRequest request, HttpDone done) {
  auto transfer = std::make_shared<Transfer>();
  transfer->id = ++last_;
  transfer->deadline_ns = request.deadline_ns;
  transfer->http = std::move(request);
  transfer->http_done = std::move(done);
  loop_.post([this, transfer] { begin(transfer); });
  return transfer->id;
}

std::uint64_t CurlLoop::send(MailRequest request, MailDone done) {
  auto transfer = std::make_shared<Transfer>();
  transfer->id = ++last_;
  transfer->is_mail = true;
  transfer->deadline_ns = request.deadline_ns;
  transfer->mail = std::move(request);
  transfer->mail_done = std::move(done);
  loop_.post([this, transfer] { begin(transfer); });
  return transfer->id;
}

void CurlLoop::cancel(std::uint64_t id) {
  loop_.post([this, id] {
    const auto found = transfers_.find(id);
    if (found == transfers_.end()) return;
    abandon(found->second,
            {TransferFailure::Kind::cancelled, true, 0, "nobody waits for the answer any more"});
  });
}

void CurlLoop::begin(const std::shared_ptr<Transfer>& transfer) {
  transfers_[transfer->id] = transfer;
  if (stopped_ || !transfer->prepare(options_, wants_fresh_)) {
    const TransferFailure failure{
        stopped_ ? TransferFailure::Kind::cancelled : TransferFailure::Kind::invalid, false, 0,
        stopped_                     ? "the component stops"
        : transfer->error[0] != '\0' ? transfer->error.data()
                                     : "libcurl cannot carry this out"};
    end(transfer, &failure);
    return;
  }
  const auto deadline = EventLoop::Clock::time_point(
      std::chrono::nanoseconds(static_cast<std::int64_t>(transfer->deadline_ns)));
  transfer->timer = loop_.at(deadline, [this, transfer] {
    transfer->timer = 0;
    TransferFailure failure = transfer->failure_of(CURLE_OPERATION_TIMEDOUT);
    failure.text = failure.was_sent ? "no answer came within the time of the call"
                                    : "no connection was made within the time of the call";
    wants_fresh_ = true;
    abandon(transfer, failure);
  });
  curl_multi_add_handle(multi_->handle, transfer->easy.get());
}

void CurlLoop::end(const std::shared_ptr<Transfer>& held, const TransferFailure* failure) {
  const std::shared_ptr<Transfer> transfer = held;  // its place in the map may be the caller's
  if (transfers_.erase(transfer->id) == 0) return;
  if (transfer->timer != 0) loop_.cancel(std::exchange(transfer->timer, 0));
  if (failure == nullptr) wants_fresh_ = false;
  if (transfer->easy) curl_multi_remove_handle(multi_->handle, transfer->easy.get());
  transfer->answer(failure);
}

/// Takes what libcurl has finished.
void CurlLoop::collect() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_->handle, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode result = message->data.result;
    Transfer* raw = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &raw);
    const auto found = transfers_.find(raw->id);
    if (found == transfers_.end()) continue;
    if (result == CURLE_OK) {
      end(found->second, nullptr);
    } else {
      const TransferFailure failure = raw->failure_of(result);
      if (failure.kind == TransferFailure::Kind::timeout) wants_fresh_ = true;
      end(found->second, &failure);
    }
  }
}

void CurlLoop::socket_action(int descriptor, int events) {
  int running = 0;
  curl_multi_socket_action(multi_->handle, descriptor, events, &running);
  collect();
}

void CurlLoop::watch(int descriptor, int what) {
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
      const int action = ((events & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0) |
                         ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                         ((events & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0);
      socket_action(descriptor, action);
    });
  } else if (found->second != wanted) {
    found->second = wanted;
    loop_.change(descriptor, wanted);
  }
}

void CurlLoop::arm(long wait_ms) {
  if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
  if (wait_ms < 0) return;
  timer_ = loop_.after(std::chrono::milliseconds(wait_ms), [this] {
    timer_ = 0;
    socket_action(CURL_SOCKET_TIMEOUT, 0);
  });
}

}  // namespace cleat::common
