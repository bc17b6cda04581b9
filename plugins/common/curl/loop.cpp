#include "common/curl/loop.hpp"

#include <algorithm>
#include <array>

#include "common/curl/pool.hpp"
#include "common/curl/transfer.hpp"

namespace cleat::common {
namespace {

using Kind = TransferFailure::Kind;

// A handle of libcurl is some 6 KB, and takes as long to make as the rest of a request.
constexpr std::size_t kMostSpare = 64;

const TransferFailure kStopped{Kind::cancelled, false, 0, "the component has stopped"};

}  // namespace

cleat_status status_of(Kind kind) {
  switch (kind) {
    case Kind::invalid:
      return CLEAT_INVALID;
    case Kind::throttled:
      return CLEAT_THROTTLED;
    case Kind::timeout:
      return CLEAT_TIMEOUT;
    case Kind::too_large:
      return CLEAT_TOO_LARGE;
    case Kind::refused:
      return CLEAT_REMOTE;
    case Kind::login:
      return CLEAT_UNAUTHENTICATED;
    case Kind::cancelled:
      return CLEAT_CANCELLED;
    case Kind::unreachable:
    case Kind::tls:
    case Kind::broken:
      return CLEAT_UNAVAILABLE;
  }
  return CLEAT_INTERNAL;
}

bool is_idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 6> kMethods{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

CurlLoop::CurlLoop(Options options) : options_(std::move(options)), pool_(new_pool()) {}

CurlLoop::~CurlLoop() {
  stop();
  transfers_.clear();  // before the pools that they are in
}

std::shared_ptr<CurlLoop::Pool> CurlLoop::new_pool() {
  return std::make_shared<Pool>(loop_, options_.max_connections,
                                [this](Transfer* transfer, int code) { finished(transfer, code); });
}

void CurlLoop::start() {
  loop_.start();
}

void CurlLoop::stop() {
  loop_.post([this] { stop_transfers(); });
  loop_.stop();
}

void CurlLoop::send(HttpRequest request, HttpDone done) {
  auto transfer = std::make_shared<Transfer>();
  transfer->tag = request.tag;
  transfer->deadline_ns = request.deadline_ns;
  transfer->http = std::move(request);
  transfer->http_done = std::move(done);
  post(transfer);
}

void CurlLoop::send(MailRequest request, MailDone done) {
  auto transfer = std::make_shared<Transfer>();
  transfer->is_mail = true;
  transfer->tag = request.tag;
  transfer->deadline_ns = request.deadline_ns;
  transfer->mail = std::move(request);
  transfer->mail_done = std::move(done);
  post(transfer);
}

void CurlLoop::post(const std::shared_ptr<Transfer>& transfer) {
  if (!loop_.post([this, transfer] { begin(transfer); })) transfer->answer(&kStopped);
}

void CurlLoop::cancel(std::uint64_t tag) {
  loop_.post([this, tag] {
    std::vector<std::shared_ptr<Transfer>> meant;
    for (const auto& [id, transfer] : transfers_) {
      if (transfer->tag == tag) meant.push_back(transfer);
    }
    for (const auto& transfer : meant)
      abandon(transfer, transfer->failure(Kind::cancelled, "nobody waits for the answer any more"));
  });
}

void CurlLoop::begin(const std::shared_ptr<Transfer>& transfer) {
  if (stopped_) return transfer->answer(&kStopped);
  if (transfers_.size() >= options_.max_transfers) {
    const TransferFailure full{Kind::throttled, false, 0,
                               std::to_string(transfers_.size()) + " requests are out, more may not be"};
    return transfer->answer(&full);
  }
  transfer->id = ++last_;
  transfers_[transfer->id] = transfer;
  const auto deadline = EventLoop::Clock::time_point(
      std::chrono::nanoseconds(static_cast<std::int64_t>(transfer->deadline_ns)));
  transfer->timer = loop_.at(deadline, [this, transfer] { expire(transfer); });
  if (!perform(*transfer)) {
    const TransferFailure failure{Kind::invalid, false, 0, transfer->reason("libcurl cannot carry this out")};
    end(transfer, &failure);
  }
}

/// False: libcurl does not take it.
bool CurlLoop::perform(Transfer& transfer) {
  transfer.pool = pool_;
  if (!transfer.is_mail && !transfer.easy && !spare_.empty()) {
    transfer.easy = std::move(spare_.back());
    spare_.pop_back();
  }
  if (!transfer.prepare(options_)) {
    transfer.pool.reset();
    return false;
  }
  pool_->add(transfer.easy.get());
  return true;
}

void CurlLoop::expire(const std::shared_ptr<Transfer>& transfer) {
  transfer->timer = 0;
  const TransferFailure failure = transfer->failure(Kind::timeout);
  if (transfer->is_on_its_way() && transfer->pool == pool_) retire_pool();
  abandon(transfer, failure);
}

/// The connections of now may be dead, those too that are idle, and HTTP/2 has others at work on one that is: nothing new
/// goes over them, and what is on its way may end there.
void CurlLoop::retire_pool() {
  retired_.push_back(std::exchange(pool_, new_pool()));
}

/// The caller is told at once. libcurl would end a mail's text as if it were whole, and wait for the server to say that it
/// took it: neither gets anywhere over a connection that is cut.
void CurlLoop::abandon(const std::shared_ptr<Transfer>& transfer, const TransferFailure& failure) {
  if (transfer->is_mail && transfer->pool) transfer->pool->cut(transfer->easy.get());
  end(transfer, &failure);
}

/// What libcurl says.
void CurlLoop::finished(Transfer* raw, int code) {
  const auto found = transfers_.find(raw->id);
  if (found == transfers_.end()) return;
  const std::shared_ptr<Transfer> transfer = found->second;
  std::optional<TransferFailure> failure;
  if (code != CURLE_OK) {
    failure = transfer->failure_of(code);
  } else if (transfer->lacks_headers()) {
    failure = transfer->failure(Kind::broken, "the connection ended inside the headers of the answer");
  } else if (transfer->is_sent_elsewhere()) {
    transfer->pool->remove(transfer->easy.get());
    transfer->pool.reset();
    failure = transfer->go_elsewhere();
    if (!failure && perform(*transfer)) return;
    if (!failure)
      failure = transfer->failure(Kind::refused, transfer->reason("the redirect cannot be followed"));
  }
  end(transfer, failure ? &*failure : nullptr);
}

void CurlLoop::end(const std::shared_ptr<Transfer>& transfer, const TransferFailure* failure) {
  if (transfers_.erase(transfer->id) == 0) return;
  if (transfer->timer != 0) loop_.cancel(std::exchange(transfer->timer, 0));
  if (transfer->pool) transfer->pool->remove(transfer->easy.get());
  transfer->pool.reset();
  if (failure == nullptr && !transfer->is_mail && spare_.size() < kMostSpare)
    spare_.push_back(std::move(transfer->easy));
  transfer->answer(failure);
  // A pool may be what called us.
  if (!retired_.empty()) {
    loop_.before_sleep([this] {
      retired_.erase(std::remove_if(retired_.begin(), retired_.end(),
                                    [](const auto& pool) { return pool->is_unused(); }),
                     retired_.end());
    });
  }
}

void CurlLoop::stop_transfers() {
  stopped_ = true;
  std::vector<std::shared_ptr<Transfer>> all;
  for (const auto& [id, transfer] : transfers_)
    all.push_back(transfer);
  for (const auto& transfer : all)
    abandon(transfer, transfer->failure(Kind::cancelled, "the component stopped before there was an answer"));
}

}  // namespace cleat::common
