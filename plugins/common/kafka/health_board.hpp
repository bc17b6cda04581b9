#pragma once

#include <string>

#include "common/health_board.hpp"

namespace cleat::kafka {

/// What the parts of a component say: each client about its connection, and the reading of partitions about itself.
class HealthBoard : public common::HealthBoard {
 public:
  enum Part { reading, consumer, producer };

  /// `service`: as it is called in the log.
  HealthBoard(Host host, const std::string& service)
      : common::HealthBoard(host, {{"reading", service + " is read again"},
                                   {"consumer", "connected to " + service + " again"},
                                   {"producer", "connected to " + service + " again"}}),
        service_(service) {}

  [[nodiscard]] const std::string& service() const { return service_; }

 private:
  const std::string service_;
};

}  // namespace cleat::kafka
