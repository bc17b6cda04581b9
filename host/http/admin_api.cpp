#include "http/admin_api.hpp"

#include <fmt/format.h>

#include <optional>

#include "api/admin.hpp"
#include "http/paths.hpp"

namespace cleat::http {
namespace {

Response to_response(AdminAnswer&& answer) {
  Response response;
  switch (answer.code) {
    case AdminAnswer::Code::document:
      response.content_type = "application/json";
      response.text = std::move(answer.text);
      break;
    case AdminAnswer::Code::done:
      response.status = 204;
      break;
    case AdminAnswer::Code::not_found:
      return error_response(404, "ERR_NOT_FOUND", answer.text);
    case AdminAnswer::Code::conflict:
      return error_response(409, "ERR_CONFLICT", answer.text);
    case AdminAnswer::Code::not_ready:
      return error_response(503, "ERR_NOT_READY", answer.text);
    case AdminAnswer::Code::unreachable:
      return error_response(503, "ERR_UNREACHABLE", answer.text);
  }
  return response;
}

AdminDone answering(ExchangePtr exchange) {
  return [exchange = std::move(exchange)](AdminAnswer&& answer) {
    exchange->respond(to_response(std::move(answer)));
  };
}

Response unknown_path() {
  return error_response(
      404, "ERR_NOT_FOUND",
      "there is no such path; there are GET /cleat/v1/ready, GET /cleat/v1/components, GET "
      "/cleat/v1/components/{name}, "
      "GET /cleat/v1/components/{name}/events?limit=N, POST /cleat/v1/components/{name}/events/{id}/retry, "
      ".../dead-letter and .../drop, POST /cleat/v1/components/{name}/pause, .../resume and .../ping");
}

Response wrong_method(std::string_view allow) {
  Response response =
      error_response(405, "ERR_METHOD_NOT_ALLOWED", fmt::format("expected one of these methods: {}", allow));
  response.allow = allow;
  return response;
}

void list_events(const Route& route, const MessageText& request, HostView& host, ExchangePtr exchange) {
  std::uint64_t most = kDefaultHeldEvents;
  if (const auto asked = query_find(query_of(request.target), "limit")) {
    const auto number = parse_integer(*asked);
    if (!number || *number < 1 || *number > static_cast<std::int64_t>(kMostHeldEvents)) {
      return exchange->respond(
          error_response(400, "ERR_MALFORMED_REQUEST",
                         fmt::format("expected limit to be a whole number from 1 to {}, found '{}'",
                                     kMostHeldEvents, *asked)));
    }
    most = static_cast<std::uint64_t>(*number);
  }
  list_held_events(host, route.name, most, wall_now_ns(), answering(std::move(exchange)));
}

}  // namespace

void answer_admin(const Route& route, const MessageText& request, HostView& host, ExchangePtr exchange) {
  switch (route.endpoint) {
    case Endpoint::ready:
      return readiness(host, answering(std::move(exchange)));
    case Endpoint::list_components:
      return list_components(host, wall_now_ns(), answering(std::move(exchange)));
    case Endpoint::show_component:
      return show_component(host, route.name, wall_now_ns(), answering(std::move(exchange)));
    case Endpoint::list_events:
      return list_events(route, request, host, std::move(exchange));
    case Endpoint::decide_event:
      return decide_event(host, route.name, route.event, route.decision, answering(std::move(exchange)));
    case Endpoint::pause:
      return pause_component(host, route.name, answering(std::move(exchange)));
    case Endpoint::resume:
      return resume_component(host, route.name, answering(std::move(exchange)));
    case Endpoint::ping:
      return ping_component(host, route.name, answering(std::move(exchange)));
    case Endpoint::wrong_method:
      return exchange->respond(wrong_method(route.allow));
    default:
      return exchange->respond(unknown_path());
  }
}

}  // namespace cleat::http
