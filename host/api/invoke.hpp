#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "api/host_view.hpp"
#include "base/json.hpp"
#include "plugin/ports.hpp"

/// Output calls as any front door asks for them.
namespace cleat {

enum class InvokeCode : std::uint8_t {
  answered,   ///< a response object came; its body may be empty
  no_body,    ///< success without a response object
  malformed,  ///< the caller's request cannot be read
  failed
};

struct InvokeOutcome {
  InvokeCode code = InvokeCode::no_body;
  cleat_status status = CLEAT_OK;
  bool rich_status = false;  ///< the component wants its status told by the protocol's own codes
  std::string message;       ///< for people, when malformed or failed
  Pairs metadata;            ///< of the response, also on failure
  Buffer body;               ///< likewise
};

/// What came with a call beside its body. Everything is borrowed until the call returns.
struct InvokeCall {
  std::string_view binding;
  std::string_view default_operation;  ///< for a request that names none; empty: that is an error
  bool empty_body_is_empty_request = false;
  std::optional<std::string_view> traceparent, tracestate, baggage;  ///< as given by the protocol
};

/// Answers the output calls of one io thread.
class Invoker {
 public:
  Invoker(const HostView& host, bool strict_dapr, std::uint32_t shard)
      : host_(host), strict_dapr_(strict_dapr), shard_(shard) {}

  /// Reads, checks in daprd's order (decode, baggage, operation given, binding known, operation offered) and
  /// invokes. `done` takes an InvokeOutcome&&; it runs exactly once on this io thread, perhaps before this
  /// returns. `still_wanted` says whether the caller still waits for the answer: asked before a failed call is
  /// repeated, on this io thread and before `done`; empty: always.
  template <class Done>
  void invoke(const InvokeCall& call, std::string_view body, Done done,
              UniqueFunction<bool()> still_wanted = {}) {
    OutputRequest request;
    const Output* output = nullptr;
    if (auto refused = prepare(call, body, request, output)) return done(std::move(*refused));
    request.still_wanted = std::move(still_wanted);
    output->port->invoke(std::move(request), shard_,
                         [output, done = std::move(done)](OutputResult&& result) mutable {
                           done(outcome_of(*output, std::move(result)));
                         });
  }

 private:
  std::optional<InvokeOutcome> prepare(const InvokeCall& call, std::string_view body, OutputRequest& request,
                                       const Output*& output);
  std::optional<InvokeOutcome> find(std::string_view binding, const OutputRequest& request,
                                    const Output*& output) const;
  static InvokeOutcome outcome_of(const Output& output, OutputResult&& result);

  const HostView& host_;
  const bool strict_dapr_;
  const std::uint32_t shard_;
  json::Reader reader_;
};

}  // namespace cleat
