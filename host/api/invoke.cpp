#include "api/invoke.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/baggage.hpp"
#include "api/invoke_body.hpp"

namespace cleat {
namespace {

InvokeOutcome refusal(InvokeCode code, cleat_status status, std::string message) {
  InvokeOutcome outcome;
  outcome.code = code;
  outcome.status = status;
  outcome.message = std::move(message);
  return outcome;
}

InvokeOutcome failure(std::string_view binding, cleat_status status, std::string_view why) {
  return refusal(InvokeCode::failed, status,
                 fmt::format("error invoking output binding {}: {}", binding, why));
}

void set_pair(Pairs& pairs, std::string_view name, std::string_view value) {
  const auto found =
      std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == name; });
  if (found != pairs.end()) {
    found->second = value;
  } else {
    pairs.emplace_back(name, value);
  }
}

// As daprd does, so that a component which forwards metadata as message headers carries the trace on.
void add_trace(const InvokeCall& call, OutputRequest& request) {
  const auto add = [&](const std::optional<std::string_view>& given, std::string& field,
                       std::string_view name) {
    if (!given || given->empty()) return;
    field = *given;
    set_pair(request.metadata, name, *given);
  };
  add(call.traceparent, request.traceparent, "traceparent");
  add(call.tracestate, request.tracestate, "tracestate");
  add(call.baggage, request.baggage, "baggage");
}

}  // namespace

std::optional<InvokeOutcome> Invoker::prepare(const InvokeCall& call, std::string_view body,
                                              OutputRequest& request, const Output*& output) {
  if (body.empty() && call.empty_body_is_empty_request) body = "{}";
  if (auto read = read_invoke_body(reader_, body, strict_dapr_, request); !read) {
    return refusal(InvokeCode::malformed, CLEAT_INVALID,
                   "failed deserializing HTTP body: " + read.error().text);
  }
  if (call.baggage) {
    if (auto checked = check_baggage(*call.baggage); !checked) {
      return refusal(InvokeCode::malformed, CLEAT_INVALID, "invalid baggage header: " + checked.error().text);
    }
  }
  if (request.operation.empty()) request.operation = call.default_operation;
  if (request.operation.empty()) {
    return failure(call.binding, CLEAT_INVALID, "operation field is missing from request");
  }
  add_trace(call, request);
  request.content_type = "application/json";
  return find(call.binding, request, output);
}

std::optional<InvokeOutcome> Invoker::find(std::string_view binding, const OutputRequest& request,
                                           const Output*& output) const {
  output = host_.find_output(binding);
  if (output == nullptr || (output->port == nullptr && strict_dapr_)) {
    return failure(binding, CLEAT_NOT_FOUND, fmt::format("couldn't find output binding {}", binding));
  }
  const auto& offered = output->operations;
  // Where nothing is offered yet it is not known what is not.
  const bool is_known = output->port != nullptr || !offered.empty();
  if (is_known && std::find(offered.begin(), offered.end(), request.operation) == offered.end()) {
    InvokeOutcome outcome =
        failure(binding, CLEAT_UNSUPPORTED,
                fmt::format("binding {} does not support operation {}. supported operations:{}", binding,
                            request.operation, fmt::join(offered, " ")));
    outcome.rich_status = output->rich_status;
    return outcome;
  }
  if (output->port == nullptr) {
    InvokeOutcome outcome =
        failure(binding, CLEAT_UNAVAILABLE, fmt::format("the component is not running: {}", output->why));
    outcome.rich_status = output->rich_status;
    return outcome;
  }
  return std::nullopt;
}

InvokeOutcome Invoker::outcome_of(const Output& output, OutputResult&& result) {
  InvokeOutcome outcome;
  if (result.status != CLEAT_OK) {
    outcome =
        failure(output.name, result.status, result.error.empty() ? status_name(result.status) : result.error);
  } else {
    outcome.code = result.has_body ? InvokeCode::answered : InvokeCode::no_body;
  }
  outcome.body = std::move(result.data);
  outcome.rich_status = output.rich_status;
  outcome.metadata = std::move(result.metadata);
  return outcome;
}

}  // namespace cleat
