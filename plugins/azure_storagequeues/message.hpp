#pragma once

#include <cleat/values.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/azure/client.hpp"
#include "queue_config.hpp"

namespace cleat::storagequeues {

/// A message as the queue gave it out.
struct Message {
  std::string id, receipt, body;
  std::uint32_t dequeue_count = 0;
  std::uint64_t inserted_wall_ns = 0;
  std::vector<std::pair<std::string, std::string>> metadata;
  bool is_not_base64 = false;  ///< it was to be: the body is what the queue holds

  /// It has what it is settled with.
  [[nodiscard]] bool is_whole() const { return !id.empty() && !receipt.empty(); }
};

/// The messages of an answer to Get Messages, those too whose id or receipt is empty. Nothing if it is none.
std::optional<std::vector<Message>> messages_of(std::string_view answer, const QueueConfig& config);

/// Put Message, but for its deadline, as a call asks for it. Throws Error for what cannot be a message.
azure::ServiceRequest put_of(const Request& request, const QueueConfig& config);

/// What is known of a message that was put: messageID, insertionTime, expirationTime, nextVisibleTime. Nothing if the answer,
/// whatever its status of 2xx, does not say that one was.
std::optional<std::vector<std::pair<std::string, std::string>>> put_metadata(
    const common::HttpResponse& answer);

}  // namespace cleat::storagequeues
