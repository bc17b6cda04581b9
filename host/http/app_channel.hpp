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
};

/// One component's way to the application over HTTP: POST per event, OPTIONS as the probe. Its home thread's
/// connections are shared with the other components there.
class AppChannel final : public Application {
 public:
  /// The connections outlive the channel, the channel outlives its calls.
  AppChannel(const AppChannelOptions& options, AppConnections& connections);

  void post(Event& event, AnswerHandler& handler) override;
  bool recall(Event& event) override;
  void abort(Event& event) override;
  void probe(std::uint64_t timeout_ns, UniqueFunction<void(const Answer&)> done) override;

 private:
  AppConnections& connections_;
  AppTarget target_;
};

}  // namespace cleat::http
