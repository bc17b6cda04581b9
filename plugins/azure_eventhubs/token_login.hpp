#pragma once

#include <cleat/plugin.hpp>

#include "common/azure/token.hpp"
#include "common/curl/loop.hpp"
#include "common/kafka/bearer.hpp"

namespace cleat::eventhubs {

/// Tokens of Microsoft Entra ID for the Kafka clients of a component, fetched on a thread of its own.
class TokenLogin {
 public:
  TokenLogin(Host host, azure::TokenSettings settings, const std::string& namespace_host);
  ~TokenLogin() { stop(); }

  /// Any thread; does not wait. After stop() nobody is answered any more.
  void ask(kafka::TakeToken take);
  /// Ends the thread; who waits is told.
  void stop();

 private:
  Host host_;
  common::CurlLoop curl_;
  azure::TokenSource source_;
  bool is_stopped_ = false;
};

}  // namespace cleat::eventhubs
