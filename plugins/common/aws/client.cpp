#include "common/aws/client.hpp"

#include <chrono>
#include <ctime>
#include <utility>

#include "common/text.hpp"

namespace cleat::aws {
namespace {

std::int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// "Sat, 28 Nov 2026 10:30:00 GMT"; 0 if there is none. Not by strptime alone: the names of months are those of the locale.
std::int64_t date_of(const common::HttpResponse& answer) {
  for (const auto& [name, value] : answer.headers) {
    if (!common::equal_ignoring_case(name, "date")) continue;
    constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (value.size() < 25) return 0;
    const std::size_t month = kMonths.find(value.substr(8, 3));
    std::tm when{};
    if (month == std::string_view::npos || ::strptime(value.c_str() + 5, "%d", &when) == nullptr ||
        ::strptime(value.c_str() + 12, "%Y %H:%M:%S", &when) == nullptr)
      return 0;
    when.tm_mon = static_cast<int>(month / 3);
    return ::timegm(&when);
  }
  return 0;
}

/// With the name of the request in front.
Failure named(const common::ServiceFailure& failure, const std::string& what) {
  Failure out{failure};
  out.text.insert(0, what + ": ");
  return out;
}

}  // namespace

struct Client::Sent {
  ServiceRequest request;
  Done done;
  KeysPtr keys;
  std::string body_hash;  ///< empty: it is made with the signature

  [[nodiscard]] std::string_view body() const {
    return request.borrowed_body.empty() ? std::string_view(request.body) : request.borrowed_body;
  }
};

Client::Client(common::CurlLoop& curl, const Settings& settings, std::string service, bool is_s3)
    : curl_(curl),
      settings_(settings),
      service_(std::move(service)),
      is_s3_(is_s3),
      hashes_(curl.loop()),
      keys_(curl.loop(), KeySource::make(settings.keys)) {}

std::string Client::url_of(const ServiceRequest& request) const {
  if (request.host.empty()) return settings_.endpoint + request.path;
  return settings_.endpoint.substr(0, settings_.endpoint.find("://") + 3) + request.host + request.path;
}

Scope Client::scope() const {
  return {settings_.region, service_, now_s() + clock_off_s_, is_s3_, is_s3_};
}

/// Once, by the deadline at the latest.
void Client::get_keys(const std::string& what, std::uint64_t deadline_ns, GotKeys got) {
  keys_.get(deadline_ns,
            [what, got = std::move(got)](const KeysPtr& keys, const common::ServiceFailure* why) {
              if (why == nullptr) return got(keys, nullptr);
              const Failure failure = named(*why, what);
              got(nullptr, &failure);
            });
}

void Client::send(ServiceRequest request, Done done) {
  const auto sent = std::make_shared<Sent>();
  sent->request = std::move(request);
  sent->done = std::move(done);
  if (sent->body().size() <= BodyHashes::kPieceBytes) return sign_and_send(sent);
  hashes_.add(sent->body(), sent->request.tag, sent->request.deadline_ns,
              [this, sent](const std::string* hash, const common::ServiceFailure* why) {
                if (why != nullptr) {
                  const Failure failure = named(*why, sent->request.what);
                  return sent->done(nullptr, &failure);
                }
                sent->body_hash = *hash;
                sign_and_send(sent);
              });
}

void Client::sign_and_send(const std::shared_ptr<Sent>& sent) {
  get_keys(sent->request.what, sent->request.deadline_ns,
           [this, sent](const KeysPtr& keys, const Failure* failure) {
             failure != nullptr ? sent->done(nullptr, failure) : transmit(sent, keys);
           });
}

void Client::transmit(const std::shared_ptr<Sent>& sent, const KeysPtr& keys) {
  ServiceRequest& request = sent->request;
  sent->keys = keys;
  common::HttpRequest out;
  out.tag = request.tag;
  out.method = request.method;
  out.url = url_of(request);
  out.headers = std::move(request.headers);
  out.body = sent->body();
  out.has_body = request.has_body;
  out.may_run_twice = request.may_run_twice;
  out.deadline_ns = request.deadline_ns;
  out.max_response_bytes = request.max_response_bytes;
  out.on_begin = request.on_begin;
  try {
    sign(out, *keys, scope(), sent->body_hash);
  } catch (const Error& error) {
    const Failure failure{{error.status, false, 0, 0, {}, request.what + ": " + error.what()}};
    return sent->done(nullptr, &failure);
  }
  curl_.send(std::move(out),
             [this, sent](common::HttpResponse* answer, const common::TransferFailure* failure) {
               answered(sent, answer, failure);
             });
}

void Client::answered(const std::shared_ptr<Sent>& sent, common::HttpResponse* answer,
                      const common::TransferFailure* failure) {
  const ServiceRequest& request = sent->request;
  if (failure != nullptr) {
    const Failure told = failure_of(*failure, request.what, request.may_run_twice);
    return sent->done(nullptr, &told);
  }
  if (answer->status / 100 == 2) return sent->done(answer, nullptr);
  const Failure told = failure_of(*answer, request.what, request.may_run_twice, *sent->keys);
  learn(told, *answer, sent->keys);
  sent->done(answer, &told);
}

/// So that the next attempt may fare better.
void Client::learn(const Failure& failure, const common::HttpResponse& answer, const KeysPtr& keys) {
  if (failure.remedy == Failure::Remedy::new_keys) keys_.refused(keys);
  const std::int64_t theirs = date_of(answer);
  if (failure.remedy == Failure::Remedy::new_clock && theirs != 0) clock_off_s_ = theirs - now_s();
}

void Client::presign(const ServiceRequest& request, std::uint64_t seconds,
                     std::function<void(const std::string*, const Failure*)> done) {
  get_keys(request.what, request.deadline_ns,
           [this, method = request.method, url = url_of(request), what = request.what, seconds,
            done = std::move(done)](const KeysPtr& keys, const Failure* failure) {
             if (failure != nullptr) return done(nullptr, failure);
             std::string signed_url;
             try {
               signed_url = presigned(method, url, *keys, scope(), seconds);
             } catch (const Error& error) {
               const Failure told{{error.status, false, 0, 0, {}, what + ": " + error.what()}};
               return done(nullptr, &told);
             }
             done(&signed_url, nullptr);
           });
}

void Client::cancel(std::uint64_t tag) {
  // What leaves its hash before this comes goes out before curl_ is told.
  curl_.loop().post([this, tag] {
    hashes_.cancel(tag);
    curl_.cancel(tag);
  });
}

void Client::close() {
  hashes_.close();
  keys_.close();
}

}  // namespace cleat::aws
