#pragma once

#include "common/health_board.hpp"

namespace cleat::nats {

/// What the two directions of a component say, each about its own connection.
class Health : public common::HealthBoard {
 public:
  enum Part { input, output };

  explicit Health(Host host)
      : HealthBoard(host, {{"input", "NATS is served again"}, {"output", "NATS is served again"}}) {}
};

}  // namespace cleat::nats
