#pragma once

// Before verb.hpp, which needs it and does not say so.
#include <ostream>

#include <boost/beast/http/verb.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "delivery/delivery_view.hpp"

namespace cleat::http {

enum class Endpoint : std::uint8_t {
  none,
  bad_escape,
  invoke,
  health,
  outbound_health,
  get_metadata,
  put_metadata,
  shutdown,
  ready,
  list_components,
  show_component,
  list_events,
  decide_event,
  pause,
  resume,
  ping,
  wrong_method,  ///< a path of ours below /cleat/v1/, asked with a method it does not have
  unknown_admin  ///< no path of ours, below /cleat/v1/
};

struct Route {
  Endpoint endpoint = Endpoint::none;
  std::string name{};   ///< of the binding, the component or the metadata entry, unescaped
  std::string event{};  ///< decide_event: the id, unescaped
  Decision decision = Decision::retry;
  std::string_view allow{};  ///< wrong_method: a literal, the methods it has
};

/// Which endpoint a request means. Only daprd's methods on daprd's paths when strict_dapr; what is below /cleat/v1/ is outside
/// of its name space and served either way.
[[nodiscard]] Route find_route(boost::beast::http::verb method, std::string_view target, bool strict_dapr);

}  // namespace cleat::http
