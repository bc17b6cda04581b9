#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "mqtt_config.hpp"
#include "publication.hpp"
#include "resolver.hpp"
#include "tls_context.hpp"

struct mosquitto;

namespace cleat::mqtt {

/// libmosquitto for one connection. It is thrown away with the connection, because the library keeps what it was given and would
/// send it again on the next one, after the call was told that it failed. One thread; every function returns without waiting.
class MosquittoClient {
 public:
  /// Called from inside advance() and publish().
  class Listener {
   public:
    virtual ~Listener() = default;
    /// The broker accepted the connection and takes so many publications at once.
    virtual void accepted(unsigned receive_maximum) = 0;
    /// It has this publication, or says with a reason code from 0x80 on why not.
    virtual void published(int id, std::uint8_t code) = 0;
  };
  struct End {
    std::string why;
    bool is_refusal = false;  ///< the connection was not accepted
    bool is_taken_over = false;
    bool is_by_broker = false;  ///< it closed a connection that it had accepted
  };

  /// `tls` may be null; it and the listener outlive this.
  MosquittoClient(const MqttConfig& config, const TlsContext* tls, Listener& listener);

  /// Begins to connect. `port` as in the configuration.
  std::optional<End> connect(const Address& address, std::chrono::milliseconds patience);
  [[nodiscard]] int fd() const;
  [[nodiscard]] bool wants_write() const;
  /// Goes on as far as it goes, and keeps the connection alive: to be called at least every few seconds. `events`: what poll()
  /// found.
  std::optional<End> advance(short events);
  /// Hands a publication to the library; `id` is set before published() is called for it.
  std::optional<Refusal> publish(const Publication& publication, int& id);
  void disconnect();

 private:
  struct Free {
    void operator()(mosquitto* client) const;
  };
  struct Callbacks;
  std::optional<End> end_of(int result);

  const MqttConfig& config_;
  Listener& listener_;
  std::unique_ptr<mosquitto, Free> client_;
  bool was_accepted_ = false;
  int connack_ = 0;     ///< the code of a CONNACK that says no
  int disconnect_ = 0;  ///< what the library says of the end, or the broker's reason code
  std::string complaint_;
};

}  // namespace cleat::mqtt
