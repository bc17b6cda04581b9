#pragma once

#include <string>

#include "delivery/application.hpp"
#include "http/app_connections.hpp"

namespace cleat::http {

struct AppChannelOptions {
  std::string
      route;  ///< of the component; may carry a query. Not empty: the component's name where none is set
  std::string binding_type;  ///< "bindings.kafka"
  bool content_type_from_source = false;
  bool reads_answers = false;            ///< what is in the answer to an event matters
  std::uint64_t handler_timeout_ns = 0;  ///< `handlerTimeout`, of one attempt; 0: as long as it takes
};

/// One component's way to the application over HTTP: POST per event or batch, OPTIONS as the probe. Its home thread's
/// connections are shared with the other components there.
class AppChannel final : public Application {
 public:
  /// The connections outlive the channel, the channel outlives its calls.
  AppChannel(const AppChannelOptions& options, AppConnections& connections);

  void post(Event& event, AnswerHandler& handler) override;
  void post(Batch& batch, AnswerHandler& handler) override;
  bool recall(Event& event) override;
  bool recall(Batch& batch) override;
  [[nodiscard]] bool is_sent(Event& event) const override;
  [[nodiscard]] bool is_sent(Batch& batch) const override;
  void abort(Event& event) override;
  void abort(Batch& batch) override;
  void probe(std::uint64_t timeout_ns, UniqueFunction<void(const Answer&)> done) override;

 private:
  void submit(AppCall::Cargo cargo, AnswerHandler& handler);

  AppConnections& connections_;
  const std::uint64_t handler_timeout_ns_;
  AppTarget target_;
};

}  // namespace cleat::http
