#include "common/resolver.hpp"

#include <utility>

namespace cleat::common {
namespace {

constexpr std::size_t kMostQuestions = 64;

}  // namespace

void Resolver::ask(const std::string& host, std::uint16_t port, Done done) {
  const auto answer = [&](Addresses found) {
    loop_.before_sleep([done = std::move(done), found = std::move(found)] { done(found); });
  };
  Addresses numeric = numeric_addresses(host, port);
  if (!numeric.addresses.empty()) return answer(std::move(numeric));
  if (questions_.size() >= kMostQuestions)
    return answer({{}, "the name '" + host + "' cannot be resolved: the system's resolver does not keep up"});
  questions_.push_back({host, port, std::move(done)});
  if (questions_.size() == 1) put_first();
}

void Resolver::put_first() {
  lookup_.emplace(questions_.front().host, questions_.front().port, [this](Addresses found) {
    loop_.post([this, found = std::move(found)] {
      if (lookup_) answered(found);
    });
  });
}

void Resolver::answered(const Addresses& found) {
  lookup_.reset();
  const Done done = std::move(questions_.front().done);
  questions_.pop_front();
  if (!questions_.empty()) put_first();
  done(found);
}

void Resolver::stop() {
  lookup_.reset();
  questions_.clear();
}

}  // namespace cleat::common
