#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>

#include "mqtt_config.hpp"

namespace cleat::mqtt {

/// What a connection to one server needs for TLS: the certificates, the name to ask for and the name to check. Used by one thread
/// at a time for new connections; it outlives them.
class TlsContext {
 public:
  /// Throws Error(CLEAT_INVALID) that names the field.
  explicit TlsContext(const MqttConfig& config);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  [[nodiscard]] SSL_CTX* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const;
  };
  const std::string name_;
  std::unique_ptr<SSL_CTX, Free> context_;
};

}  // namespace cleat::mqtt
