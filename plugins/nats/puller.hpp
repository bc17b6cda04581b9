#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "consumer.hpp"
#include "intake.hpp"
#include "subscription.hpp"

namespace cleat::nats {

/// Asks a consumer for messages, as many as there is room for and no more: one request at a time, which the server answers with
/// messages as they come, or with its end. The line's thread only.
class Puller {
 public:
  using TimePoint = Intake::TimePoint;

  Puller(const ServerConfig& server, const ConsumerConfig& consumer, const std::string& domain)
      : inbox_prefix_(server.inbox_prefix),
        subject_(api_prefix(domain) + ".CONSUMER.MSG.NEXT." + consumer.stream + "." + consumer.durable) {}

  /// A new connection, over which messages go to `take` on a thread of the library.
  void use(const Consumer& consumer, Subscription::Take take);
  /// The connection is gone.
  void forget();

  /// Asks if it makes sense now. Gives the time to look again. Throws Error if the server answers nothing any more.
  TimePoint pull(Session& session, std::size_t room, std::size_t out, TimePoint now);
  /// Whether the server owes an answer: until it is due, nothing else has to tell that the connection works.
  [[nodiscard]] bool is_asking() const { return left_ != 0; }
  /// One of the messages that was asked for has come.
  void arrived();
  /// A message of the server about a request: what it means for the health, empty if nothing. Throws Error if the consumer is not
  /// to be read any more.
  std::string ended(const Message& message, TimePoint now);
  /// Takes the request back; what is on its way still arrives.
  void stop();
  /// Waits for that.
  void wait_stopped(TimePoint end);

 private:
  void ask(Session& session, std::size_t room, TimePoint now);

  const std::string inbox_prefix_, subject_;
  Subscription::Take take_;
  Consumer consumer_;
  std::string inbox_;
  std::unique_ptr<Subscription> subscription_;
  std::vector<std::unique_ptr<Subscription>> draining_;
  std::uint64_t number_ = 0;
  std::size_t left_ = 0, asked_ = 0, most_ = 0;
  TimePoint expires_, not_before_, last_asked_;
};

}  // namespace cleat::nats
