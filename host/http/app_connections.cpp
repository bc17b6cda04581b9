#include "http/app_connections.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cleat::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::uint64_t kAddressesKept = 5 * kSecond;

std::uint32_t limit_of(const AppOptions& options) {
  if (options.max_concurrency == 0) return options.max_connections;
  return std::min(options.max_concurrency, options.max_connections);
}

}  // namespace

AppConnections::AppConnections(AppOptions options, AsioLoop& loop)
    : options_(std::move(options)), max_active_(limit_of(options_)), loop_(loop), resolver_(loop.context()) {
  error_code error;
  const auto literal = asio::ip::make_address(options_.address, error);
  is_literal_ = !error;
  if (is_literal_) endpoints_.emplace_back(literal, options_.port);
}

AppConnections::~AppConnections() {
  while (!all_.empty()) {
    AppConnection& connection = all_.front();
    connection.close();
    forget(connection);
  }
}

void AppConnections::submit(AppCall&& call) {
  if (active_ < max_active_ && waiting_.empty()) return start(std::move(call));
  waiting_.push_back(std::move(call));
}

void AppConnections::start(AppCall&& call) {
  ++active_;
  while (!idle_.empty()) {
    AppConnection& connection = *idle_.back();
    idle_.pop_back();
    if (connection.is_usable()) return connection.begin(std::move(call));
    connection.close();
    forget(connection);
  }
  connect(std::move(call));
}

void AppConnections::connect(AppCall&& call) {
  const AppConnectionPtr connection(new AppConnection(*this));
  intrusive_ptr_add_ref(connection.get());
  all_.push_back(*connection);
  connection->connect(std::move(call));
}

void AppConnections::start_waiting() {
  while (active_ < max_active_ && !waiting_.empty()) {
    AppCall next = std::move(waiting_.front());
    waiting_.pop_front();
    if (next.is_expired(loop_.now_ns())) {
      answer_later(std::move(next), Outcome::expired,
                   "its last instant passed while it waited for the application");
    } else {
      start(std::move(next));
    }
  }
}

void AppConnections::answer_later(AppCall&& call, Outcome outcome, std::string_view why) {
  loop_.post([waited = std::move(call), outcome, why]() mutable {
    Answer answer;
    answer.outcome = outcome;
    answer.error = why;
    waited.answer(answer);
  });
}

bool AppConnections::recall(AppCall::Cargo cargo) {
  return std::erase_if(waiting_, [&](const AppCall& call) { return call.cargo == cargo; }) > 0;
}

bool AppConnections::is_sent(AppCall::Cargo cargo) const {
  return std::any_of(all_.begin(), all_.end(), [cargo](const AppConnection& connection) {
    return connection.carries(cargo) && connection.is_sent();
  });
}

void AppConnections::abort(AppCall::Cargo cargo) {
  const auto waits = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const AppCall& call) { return call.cargo == cargo; });
  if (waits != waiting_.end()) {
    AppCall call = std::move(*waits);
    waiting_.erase(waits);
    return answer_later(std::move(call), Outcome::cancelled, "the attempt was cut before it began");
  }
  for (AppConnection& connection : all_) {
    if (!connection.carries(cargo)) continue;
    return connection.fail_later(Outcome::cancelled, "the attempt was cut");
  }
}

// Known addresses are used for a short while; a name is looked up again after that, and after it led nowhere.
void AppConnections::resolve(UniqueFunction<void(const Endpoints&, const std::string&)> found) {
  if (is_literal_ || loop_.now_ns() < resolved_until_ns_) return found(endpoints_, {});
  resolver_.async_resolve(options_.address, std::to_string(options_.port),
                          [this, done = std::move(found)](
                              const error_code& error, const tcp::resolver::results_type& results) mutable {
                            if (error == asio::error::operation_aborted) return;
                            endpoints_.clear();
                            for (const auto& entry : results)
                              endpoints_.push_back(entry.endpoint());
                            resolved_until_ns_ = error ? 0 : loop_.now_ns() + kAddressesKept;
                            done(endpoints_,
                                 fmt::format("the application's address \"{}\" does not resolve: {}",
                                             options_.address, error.message()));
                          });
}

// First the connection is free for whoever waits, then the answer is told: its handler most likely sends the
// next event.
void AppConnections::on_ended(AppConnection& connection, AppEnd&& end) {
  AppCall call = connection.take_call();
  // The application may have closed a kept connection just as it was used again, which says nothing of whether it is there.
  if (end.outcome == Outcome::unreachable && connection.was_kept()) {
    connection.close();
    forget(connection);
    return connect(std::move(call));
  }
  std::swap(answer_, connection.response());
  --active_;
  if (end.outcome == Outcome::unreachable) resolved_until_ns_ = 0;
  if (end.reusable && idle_.size() < options_.max_idle) {
    idle_.push_back(&connection);
  } else {
    connection.close();
    forget(connection);
  }
  start_waiting();
  Answer answer;
  answer.outcome = end.outcome;
  answer.error = end.error;
  if (end.outcome == Outcome::answered) {
    answer.status = answer_.status;
    answer.body = answer_.body;
    answer.content_type = answer_.headers.first(boost::beast::http::field::content_type);
    answer.retry_after = answer_.headers.first(boost::beast::http::field::retry_after);
  }
  call.answer(answer, end.verdicts);
}

void AppConnections::on_idle_closed(AppConnection& connection) {
  std::erase(idle_, &connection);
  connection.close();
  forget(connection);
}

void AppConnections::forget(AppConnection& connection) {
  all_.erase(all_.iterator_to(connection));
  intrusive_ptr_release(&connection);
}

}  // namespace cleat::http
