#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nats/nats.h>

namespace cleat::nats {

struct NatsDelete {
  void operator()(natsMsg* message) const { natsMsg_Destroy(message); }
  void operator()(natsOptions* options) const { natsOptions_Destroy(options); }
  void operator()(jsCtx* context) const { jsCtx_Destroy(context); }
  void operator()(jsConsumerInfo* info) const { jsConsumerInfo_Destroy(info); }
};
using Message = std::unique_ptr<natsMsg, NatsDelete>;
using Headers = std::vector<std::pair<std::string, std::string>>;

/// Which status a failure of the library means, and its own words.
struct Failure {
  cleat_status status = CLEAT_UNAVAILABLE;
  std::string text;
  natsStatus native = NATS_OK;
};
/// `what` was tried; the library's words of this thread's last failure come after it.
Failure failure_of(natsStatus status, const std::string& what);

std::string_view subject_of(const Message& message);
std::string_view reply_of(const Message& message);
std::string_view data_of(const Message& message);
/// All headers, in no order; of a name that comes several times the values with ", " between them.
Headers headers_of(natsMsg* message);
/// The three digits of a message that the server sends about a request, with its words; 0 for what somebody published.
struct ServerStatus {
  int code = 0;
  std::string words;
};
ServerStatus status_of(const Message& message);
/// A message to publish, which copies everything; an empty `reply`: none. Throws Error if there is no memory.
Message make_message(const std::string& subject, const std::string& reply, std::string_view data,
                     const Headers& headers);
/// A subject that nobody else knows, for answers to come to: a part more is to be put behind it for each of them.
std::string make_inbox(const std::string& prefix);
/// What the headers add to the size of a message on the wire.
std::size_t size_of(const Headers& headers);

}  // namespace cleat::nats
