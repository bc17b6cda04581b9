#include "http/router.hpp"

#include "api/health.hpp"
#include "http/admin_api.hpp"
#include "http/data_text.hpp"
#include "http/paths.hpp"

namespace cleat::http {
namespace {

namespace bhttp = boost::beast::http;
using bhttp::verb;

Response no_content() {
  Response response;
  response.status = 204;
  return response;
}

Response health_response(HealthAnswer&& answer) {
  return answer.healthy ? no_content() : error_response(500, answer.code, answer.message);
}

Response not_found() {
  return error_response(404, "ERR_DIRECT_INVOKE",
                        "failed getting app id either from the URL path or the header dapr-app-id");
}

std::string_view default_operation(verb method) {
  switch (method) {
    case verb::get:
      return "get";
    case verb::delete_:
      return "delete";
    default:
      return "create";
  }
}

/// What the far end answered to a call that failed: beside the error, as a member that daprd does not have.
void add_data(std::string& error, std::string_view data) {
  json::Reader reader;
  error.back() = ',';
  append_data(error, data, reader);
  error += '}';
}

Response to_response(InvokeOutcome&& outcome, bool strict_dapr) {
  Response response;
  switch (outcome.code) {
    case InvokeCode::answered:
      response.content_type = "application/json";
      response.data = std::move(outcome.body);
      break;
    case InvokeCode::no_body:
      response.status = 204;
      break;
    case InvokeCode::malformed:
      response = error_response(400, "ERR_MALFORMED_REQUEST", outcome.message);
      break;
    case InvokeCode::failed:
      response = error_response(http_status(outcome), "ERR_INVOKE_OUTPUT_BINDING", outcome.message);
      if (outcome.body.size() > 0 && !strict_dapr) add_data(response.text, outcome.body.view());
      break;
  }
  if (outcome.status != CLEAT_OK) response.cleat_status = status_name(outcome.status);
  response.metadata = std::move(outcome.metadata);
  return response;
}

}  // namespace

bool same_secret(std::string_view given, std::string_view expected) {
  unsigned difference = given.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const char c = i < given.size() ? given[i] : '\0';
    difference |= static_cast<unsigned char>(c) ^ static_cast<unsigned char>(expected[i]);
  }
  return difference == 0;
}

unsigned http_status(const InvokeOutcome& outcome) {
  return outcome.rich_status ? http_code_of(outcome.status) : 500;
}

std::optional<Response> Router::refuse(const Route& route, const MessageText& request) const {
  if (options_.api_token.empty()) return std::nullopt;
  const bool asks_health = route.endpoint == Endpoint::health ||
                           route.endpoint == Endpoint::outbound_health || route.endpoint == Endpoint::ready;
  if (asks_health) return std::nullopt;
  if (same_secret(request.headers.first("dapr-api-token"), options_.api_token)) return std::nullopt;
  return text_response(401, "invalid api token");
}

Response Router::too_large(const Route& route) const {
  if (route.endpoint == Endpoint::none) return not_found();
  Response response =
      error_response(400, "ERR_MALFORMED_REQUEST", "failed deserializing HTTP body: stream too large");
  response.cleat_status = status_name(CLEAT_TOO_LARGE);
  return response;
}

void Router::handle(const Route& route, const MessageText& request, ExchangePtr exchange) {
  switch (route.endpoint) {
    case Endpoint::invoke:
      return invoke(route, request, std::move(exchange));
    case Endpoint::health:
      return exchange->respond(health_response(
          health(host_, options_.facts.app_id, query_value(query_of(request.target), "appid"))));
    case Endpoint::outbound_health:
      return exchange->respond(health_response(outbound_health(host_)));
    case Endpoint::get_metadata:
      return get_metadata(std::move(exchange));
    case Endpoint::put_metadata:
      return put_metadata(route, request, *exchange);
    case Endpoint::shutdown:
      return shut_down(request, *exchange);
    case Endpoint::bad_escape:
      return exchange->respond(text_response(400, "expected %XX escapes in the path, found another"));
    case Endpoint::none:
      return exchange->respond(not_found());
    default:
      return answer_admin(route, request, host_, std::move(exchange));
  }
}

void Router::invoke(const Route& route, const MessageText& request, ExchangePtr exchange) {
  InvokeCall call;
  call.binding = route.name;
  if (!options_.strict_dapr) {
    call.default_operation = default_operation(request.verb);
    call.empty_body_is_empty_request = request.verb == verb::get || request.verb == verb::delete_;
  }
  const auto given = [](std::string_view value) {
    return value.data() == nullptr ? std::nullopt : std::optional<std::string_view>(value);
  };
  call.traceparent = given(request.headers.first("traceparent"));
  call.tracestate = given(request.headers.first("tracestate"));
  std::string baggage;
  if (given(request.headers.first("baggage"))) {
    baggage = request.headers.joined("baggage");
    call.baggage = baggage;
  }
  invoker_.invoke(
      call, request.body,
      [exchange, strict = options_.strict_dapr](InvokeOutcome&& outcome) {
        exchange->respond(to_response(std::move(outcome), strict));
      },
      [exchange] { return exchange->wanted(); });
}

void Router::get_metadata(ExchangePtr exchange) {
  metadata_document(options_.facts, host_, extended_, options_.strict_dapr, wall_now_ns(),
                    [exchange = std::move(exchange)](std::string&& document) {
                      Response response;
                      response.content_type = "application/json";
                      response.text = std::move(document);
                      exchange->respond(std::move(response));
                    });
}

void Router::put_metadata(const Route& route, const MessageText& request, Exchange& exchange) {
  auto stored = extended_.put(route.name, request.body);
  exchange.respond(stored
                       ? no_content()
                       : error_response(400, "ERR_MALFORMED_REQUEST",
                                        "cannot store metadata " + route.name + ": " + stored.error().text));
}

void Router::shut_down(const MessageText& request, Exchange& exchange) {
  const bool force = is_truthy(request.headers.first("dapr-force-shutdown"));
  exchange.respond(no_content());
  host_.request_shutdown(force);
}

}  // namespace cleat::http
