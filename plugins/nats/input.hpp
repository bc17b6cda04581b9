#pragma once

#include <cleat/plugin.hpp>

namespace cleat::nats {

/// What the host asks of an input; the contract is plugin.h's.
class Input {
 public:
  Input() = default;
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  virtual ~Input() = default;

  virtual void start() = 0;
  virtual void begin(const Window& window) = 0;
  virtual void set_window(const Window& window) = 0;
  virtual void settle(const Settlements& settlements) = 0;
  virtual void end() = 0;
  virtual void ping(Deadline deadline) = 0;
  virtual void stop(Deadline deadline) = 0;
};

}  // namespace cleat::nats
