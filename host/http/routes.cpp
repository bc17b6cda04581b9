#include "http/routes.hpp"

#include <optional>
#include <utility>

#include "http/paths.hpp"

namespace cleat::http {
namespace {

using boost::beast::http::verb;

constexpr std::string_view kBindings = "/v1.0/bindings/";
constexpr std::string_view kMetadata = "/v1.0/metadata/";
constexpr std::string_view kAdmin = "/cleat/v1";
constexpr std::string_view kComponents = "components";
constexpr std::string_view kEvents = "events/";

Route named(Endpoint endpoint, std::string_view escaped) {
  if (escaped.empty() || escaped.find('/') != std::string_view::npos) return {};
  auto name = query_unescape(escaped);
  if (!name) return {Endpoint::bad_escape};
  return {endpoint, std::move(*name)};
}

Route reading(verb method, Route route) {
  if (method == verb::get || method == verb::head) return route;
  return {.endpoint = Endpoint::wrong_method, .allow = "GET, HEAD"};
}

Route deciding(verb method, Route route) {
  if (method == verb::post) return route;
  return {.endpoint = Endpoint::wrong_method, .allow = "POST"};
}

std::optional<Decision> decision_of(std::string_view word) {
  if (word == "retry") return Decision::retry;
  if (word == "dead-letter") return Decision::dead_letter;
  if (word == "drop") return Decision::drop;
  return std::nullopt;
}

// "<id>/<decision>". An id may hold slashes, escaped or not: the last segment is the decision, whatever is before it the id.
Route event_route(verb method, std::string name, std::string_view rest) {
  const std::size_t slash = rest.rfind('/');
  if (slash == std::string_view::npos) return {Endpoint::unknown_admin};
  const auto decision = decision_of(rest.substr(slash + 1));
  if (!decision) return {Endpoint::unknown_admin};
  auto id = path_unescape(rest.substr(0, slash));
  if (!id) return {Endpoint::bad_escape};
  return deciding(method, {Endpoint::decide_event, std::move(name), std::move(*id), *decision});
}

// What stands behind "components/".
Route component_route(verb method, std::string_view rest) {
  const std::size_t slash = rest.find('/');
  auto name = path_unescape(rest.substr(0, slash));
  if (!name) return {Endpoint::bad_escape};
  if (slash == std::string_view::npos) return reading(method, {Endpoint::show_component, std::move(*name)});
  const std::string_view word = rest.substr(slash + 1);
  if (word == "events") return reading(method, {Endpoint::list_events, std::move(*name)});
  if (word == "pause") return deciding(method, {Endpoint::pause, std::move(*name)});
  if (word == "resume") return deciding(method, {Endpoint::resume, std::move(*name)});
  if (word == "ping") return deciding(method, {Endpoint::ping, std::move(*name)});
  if (word.starts_with(kEvents)) return event_route(method, std::move(*name), word.substr(kEvents.size()));
  return {Endpoint::unknown_admin};
}

// What stands behind "/cleat/v1", from the slash on.
Route admin_route(verb method, std::string_view rest) {
  if (rest.empty()) return {Endpoint::unknown_admin};
  rest.remove_prefix(1);
  if (rest == "ready") return reading(method, {Endpoint::ready});
  if (!rest.starts_with(kComponents)) return {Endpoint::unknown_admin};
  rest.remove_prefix(kComponents.size());
  if (rest.empty()) return reading(method, {Endpoint::list_components});
  if (rest.front() != '/') return {Endpoint::unknown_admin};
  return component_route(method, rest.substr(1));
}

}  // namespace

Route find_route(verb method, std::string_view target, bool strict_dapr) {
  const std::string cleaned = clean_path(target);
  const std::string_view path = cleaned;
  if (path.starts_with(kBindings)) {
    const bool writes = method == verb::post || method == verb::put;
    const bool courtesy = !strict_dapr && (method == verb::get || method == verb::delete_);
    return writes || courtesy ? named(Endpoint::invoke, path.substr(kBindings.size())) : Route{};
  }
  if (path.starts_with(kMetadata)) {
    return method == verb::put ? named(Endpoint::put_metadata, path.substr(kMetadata.size())) : Route{};
  }
  if (path.starts_with(kAdmin) && (path.size() == kAdmin.size() || path[kAdmin.size()] == '/')) {
    return admin_route(method, path.substr(kAdmin.size()));
  }
  if (method == verb::get && path == "/v1.0/healthz") return {Endpoint::health};
  if (method == verb::get && path == "/v1.0/healthz/outbound") return {Endpoint::outbound_health};
  if (method == verb::get && path == "/v1.0/metadata") return {Endpoint::get_metadata};
  if (method == verb::post && path == "/v1.0/shutdown") return {Endpoint::shutdown};
  return {};
}

}  // namespace cleat::http
