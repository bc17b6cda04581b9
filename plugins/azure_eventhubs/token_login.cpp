#include "token_login.hpp"

#include <chrono>
#include <utility>

namespace cleat::eventhubs {
namespace {

constexpr std::uint64_t kWithinNs = 30'000'000'000;

kafka::BearerToken bearer_of(const azure::AccessToken& token) {
  const auto since_1970 = token.expires_at.time_since_epoch();
  return {token.text, std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count()};
}

}  // namespace

TokenLogin::TokenLogin(Host host, azure::TokenSettings settings, const std::string& namespace_host)
    : host_(host),
      curl_(common::CurlLoop::Options{}),
      source_(curl_, std::move(settings), "https://" + namespace_host + "/.default") {
  curl_.start();
}

void TokenLogin::ask(kafka::TakeToken take) {
  curl_.loop().post([this, take = std::move(take)] {
    source_.get(host_.now_ns() + kWithinNs,
                [take](const azure::AccessToken* token, const azure::Failure* failure) {
                  if (token == nullptr) return take(nullptr, failure->text);
                  const kafka::BearerToken bearer = bearer_of(*token);
                  take(&bearer, "");
                });
  });
}

void TokenLogin::stop() {
  if (std::exchange(is_stopped_, true)) return;
  curl_.loop().post([this] { source_.close(); });
  curl_.stop();
}

}  // namespace cleat::eventhubs
