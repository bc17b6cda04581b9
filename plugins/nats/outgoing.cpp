#include "outgoing.hpp"

#include <limits>

#include "common/text.hpp"
#include "names.hpp"

namespace cleat::nats {
namespace {

constexpr std::string_view kId = "Nats-Msg-Id", kExpectedStream = "Nats-Expected-Stream";

[[noreturn]] void refuse_entry(std::string_view name, const std::string& fault) {
  throw Error(CLEAT_INVALID, "metadata '" + std::string(name) + "' cannot be sent as a header: it " + fault);
}

std::string read_subject(const Request& request, const NatsConfig& config) {
  const std::string subject(request.metadata("subject").value_or(config.publish_subject));
  if (subject.empty())
    throw Error(
        CLEAT_INVALID,
        "no subject to send to: give metadata 'subject' with the request, or the component a publishSubject");
  if (const std::string fault = subject_fault(subject); !fault.empty())
    throw Error(CLEAT_INVALID, "subject '" + subject + "' cannot be sent to: it " + fault);
  return subject;
}

void add(Outgoing& out, std::string_view name, std::string_view value) {
  if (const std::string fault = header_name_fault(name); !fault.empty())
    refuse_entry(name, "has a name that " + fault);
  if (const std::string fault = header_value_fault(value); !fault.empty()) refuse_entry(name, fault);
  out.headers.emplace_back(name, value);
}

bool has(const Outgoing& out, std::string_view name) {
  for (const auto& header : out.headers) {
    if (common::equal_ignoring_case(header.first, name)) return true;
  }
  return false;
}

}  // namespace

Outgoing read_outgoing(const Request& request, const NatsConfig& config) {
  Outgoing out;
  if (request.operation() == "request")
    out.kind = Kind::request;
  else if (request.operation() != "create")
    throw Error(CLEAT_UNSUPPORTED, "bindings.nats offers the operations create and request, found '" +
                                       std::string(request.operation()) + "'");
  else if (config.confirms)
    out.kind = Kind::store;
  if (request.data().size() > std::numeric_limits<int>::max())
    throw Error(CLEAT_TOO_LARGE, "NATS takes less than 2 GiB at once");
  out.subject = read_subject(request, config);
  const cleat_map& metadata = request.raw().metadata;
  for (std::size_t i = 0; i < metadata.count; ++i) {
    const std::string_view name = view(metadata.items[i].key), value = view(metadata.items[i].value);
    if (common::equal_ignoring_case(name, "subject")) continue;
    add(out, common::equal_ignoring_case(name, "msgId") ? kId : name, value);
  }
  if (out.kind != Kind::store) return out;
  // A dead letter names the event it was, so that one which is written twice is stored once.
  const auto event = request.metadata("cleat-event-id");
  if (event && !event->empty() && !has(out, kId)) add(out, kId, *event);
  if (!config.publish_stream.empty() && !has(out, kExpectedStream))
    add(out, kExpectedStream, config.publish_stream);
  out.has_id = has(out, kId);
  return out;
}

}  // namespace cleat::nats
