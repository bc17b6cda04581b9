#pragma once

#include "api/host_view.hpp"
#include "http/exchange.hpp"
#include "http/message_parser.hpp"
#include "http/routes.hpp"

namespace cleat::http {

/// Answers a request for a path below /cleat/v1/, now or later. The host outlives the answer; nothing of the request is used after
/// the return.
void answer_admin(const Route& route, const MessageText& request, HostView& host, ExchangePtr exchange);

}  // namespace cleat::http
