#include "verdicts.hpp"

#include <algorithm>

namespace cleat::pubsub {
namespace {

using common::JsonValue;

/// {"error": {"details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "metadata": {ACK_ID: REASON}}]}}: of the
/// first that is there, whose names are ids of ours.
const JsonValue* reasons_in(const JsonValue* refusal) {
  const JsonValue* const error = refusal != nullptr ? refusal->find("error") : nullptr;
  const JsonValue* const details = error != nullptr ? error->find("details") : nullptr;
  if (details == nullptr) return nullptr;
  for (const JsonValue& each : details->items) {
    const JsonValue* const type = each.find("@type");
    const JsonValue* const metadata = each.find("metadata");
    if (type != nullptr && metadata != nullptr && type->text == "type.googleapis.com/google.rpc.ErrorInfo")
      return metadata;
  }
  return nullptr;
}

bool begins_with(const std::string& text, std::string_view beginning) {
  return text.compare(0, beginning.size(), beginning) == 0;
}

}  // namespace

std::vector<Verdict> verdicts_of(const Service::Answer& answer, const std::vector<std::string>& ack_ids) {
  if (answer.failure == nullptr) return std::vector<Verdict>(ack_ids.size(), Verdict::done);
  std::vector<Verdict> out(ack_ids.size(), Verdict::again);
  bool is_any_named = false;
  if (const JsonValue* const reasons = reasons_in(answer.refusal); reasons != nullptr) {
    for (std::size_t i = 0; i < ack_ids.size(); ++i) {
      const JsonValue* const reason = reasons->find(ack_ids[i]);
      if (reason == nullptr) continue;
      is_any_named = true;
      if (begins_with(reason->text, "PERMANENT_FAILURE")) out[i] = Verdict::refused;
    }
  }
  if (is_any_named) return out;
  if (answer.failure->http_status == 404) std::fill(out.begin(), out.end(), Verdict::refused);
  if (answer.failure->http_status == 400)
    std::fill(out.begin(), out.end(), ack_ids.size() == 1 ? Verdict::refused : Verdict::alone);
  return out;
}

}  // namespace cleat::pubsub
