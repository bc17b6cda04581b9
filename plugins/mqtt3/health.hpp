#pragma once

#include "common/health_board.hpp"

namespace cleat::mqtt {

/// What the two directions of a component say, each about its own connection.
class Health : public common::HealthBoard {
 public:
  enum Part { input, output };

  explicit Health(Host host)
      : HealthBoard(host, {{"input", "all is well again with the broker"},
                           {"output", "all is well again with the broker"}}) {}
};

}  // namespace cleat::mqtt
