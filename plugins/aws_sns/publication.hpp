#pragma once

#include <cleat/values.hpp>

#include <string>

namespace cleat::sns {

struct SnsConfig {
  std::string topic_arn;
  std::string group;  ///< MessageGroupId where a request names none
};

/// One message as the Query protocol asks for it.
struct Publication {
  std::string form;      ///< "Action=Publish&..."
  bool is_once = false;  ///< the topic drops it if it comes a second time
};

/// Throws Error for what SNS cannot carry.
Publication publication_of(const Request& request, const SnsConfig& config);

}  // namespace cleat::sns
