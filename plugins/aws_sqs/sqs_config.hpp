#pragma once

#include <cleat/values.hpp>

#include <chrono>
#include <string>
#include <string_view>

#include "common/aws/settings.hpp"

namespace cleat::sqs {

/// What `queueName` says: a name, an URL or an ARN.
struct QueueName {
  std::string name;
  std::string account;  ///< whose queue it is; empty: the caller's
  std::string region;   ///< empty: it does not say
  std::string url;      ///< empty: it has to be asked for
  [[nodiscard]] bool is_fifo() const {
    return name.size() > 5 && name.compare(name.size() - 5, 5, ".fifo") == 0;
  }
};

/// Throws Error(CLEAT_INVALID).
QueueName parse_queue_name(std::string_view text);

struct SqsConfig {
  aws::Settings aws;
  QueueName queue;
  bool is_base64 = false;  ///< what bodies hold is bytes in base64
  std::string group;       ///< MessageGroupId where a request names none
  std::chrono::seconds visibility{30};
  std::chrono::seconds wait{20};
  std::chrono::milliseconds linger{5};
};

/// Throws Error(CLEAT_INVALID or CLEAT_UNSUPPORTED) that names the field, never with a secret.
SqsConfig parse_config(const Config& config);

}  // namespace cleat::sqs
