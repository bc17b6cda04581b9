#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/host_view.hpp"
#include "api/invoke.hpp"
#include "api/metadata.hpp"
#include "http/exchange.hpp"
#include "http/message_parser.hpp"
#include "http/routes.hpp"

namespace cleat::http {

struct RouterOptions {
  std::string api_token;  ///< empty: none is asked for
  bool strict_dapr = false;
  HostFacts facts;
};

/// Which request means what, for one io thread. Unknown paths and wrong methods get what daprd answers, 404
/// ERR_DIRECT_INVOKE, except below /cleat/v1/, where they are told what there is.
class Router {
 public:
  /// Everything outlives the router. `shard` is the number of its io thread.
  Router(const RouterOptions& options, HostView& host, ExtendedMetadata& extended, std::uint32_t shard)
      : options_(options), host_(host), extended_(extended), invoker_(host, options.strict_dapr, shard) {}

  [[nodiscard]] Route route(boost::beast::http::verb method, std::string_view target) const {
    return find_route(method, target, options_.strict_dapr);
  }
  /// The answer to a caller that may not ask this, before its body is read.
  [[nodiscard]] std::optional<Response> refuse(const Route& route, const MessageText& request) const;
  /// The answer to a request whose body is larger than allowed.
  [[nodiscard]] Response too_large(const Route& route) const;
  /// Answers, now or later. Nothing of the request is used after the return.
  void handle(const Route& route, const MessageText& request, ExchangePtr exchange);

 private:
  void invoke(const Route& route, const MessageText& request, ExchangePtr exchange);
  void get_metadata(ExchangePtr exchange);
  void put_metadata(const Route& route, const MessageText& request, Exchange& exchange);
  void shut_down(const MessageText& request, Exchange& exchange);

  const RouterOptions& options_;
  HostView& host_;
  ExtendedMetadata& extended_;
  Invoker invoker_;
};

/// Takes as long for every wrong token of the right length.
[[nodiscard]] bool same_secret(std::string_view given, std::string_view expected);

/// The status of a failed invocation: 500 as daprd, unless the component asked for its own codes.
[[nodiscard]] unsigned http_status(const InvokeOutcome& outcome);

}  // namespace cleat::http
