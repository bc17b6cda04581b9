#include <fmt/format.h>

#include <limits>

#include "base/text.hpp"
#include "cli/flags.hpp"
#include "cli/values.hpp"

namespace cleat {
namespace {

constexpr std::int64_t kInt32Max = std::numeric_limits<std::int32_t>::max();

// The values of flags without effect are checked all the same, so that a mistake does not wait for the day
// they have one.
template <class V>
Result<> checked(const Result<V>& value) {
  if (!value) return value.error();
  return {};
}

Result<> any_text(OptionsDraft&, std::string_view) {
  return {};
}
Result<> any_bool(OptionsDraft&, std::string_view value) {
  return checked(bool_value(value));
}
Result<> any_port(OptionsDraft&, std::string_view value) {
  return checked(port_value(value));
}
Result<> any_count(OptionsDraft&, std::string_view value) {
  return checked(integer_value(value, 0, kInt32Max));
}
Result<> any_duration(OptionsDraft&, std::string_view value) {
  return checked(parse_duration(value, 0));
}

Result<> any_mode(OptionsDraft&, std::string_view value) {
  if (value == "standalone" || value == "kubernetes") return {};
  return fail(fmt::format("expected standalone or kubernetes, found \"{}\"", value));
}

constexpr Flag inert_text(std::string_view name, std::string_view neutral = {}) {
  return {name, {}, "text", {}, any_text, neutral, true};
}
constexpr Flag inert_switch(std::string_view name, std::string_view neutral = "false") {
  return {name, {}, {}, {}, any_bool, neutral, true};
}
constexpr Flag inert(std::string_view name, Result<> (*check)(OptionsDraft&, std::string_view)) {
  return {name, {}, "number", {}, check, {}, true};
}

constexpr Flag kFlags[] = {inert_switch("app-ssl"),
                           inert("dapr-grpc-port", any_port),
                           inert("dapr-internal-grpc-port", any_port),
                           inert_text("dapr-internal-grpc-listen-address"),
                           inert_text("unix-domain-socket"),
                           inert("dapr-public-port", any_port),
                           inert_text("dapr-public-listen-address"),
                           inert("profile-port", any_port),
                           inert_switch("enable-profiling"),
                           inert_text("config"),
                           {"mode", {}, "name", {}, any_mode, "standalone", true},
                           inert_switch("enable-app-health-check"),
                           inert_text("app-health-check-path"),
                           inert("app-health-probe-interval", any_count),
                           inert("app-health-probe-timeout", any_count),
                           inert("app-health-threshold", any_count),
                           inert("hot-reload-reconcile-interval", any_duration),
                           inert_text("disable-init-endpoints"),
                           inert_text("allowed-origins"),
                           inert_switch("enable-api-logging"),
                           inert_switch("enable-metrics"),
                           inert("metrics-port", any_port),
                           inert_text("metrics-listen-address"),
                           inert_text("log-file"),
                           inert_switch("enable-mtls"),
                           inert_text("sentry-address"),
                           inert_text("control-plane-address"),
                           inert_text("control-plane-namespace"),
                           inert_text("control-plane-trust-domain"),
                           inert_text("placement-host-address"),
                           inert_text("scheduler-host-address"),
                           inert_text("actors-service"),
                           inert_text("reminders-service"),
                           inert_text("actors-disseminate-timeout"),
                           inert_switch("disable-builtin-k8s-secret-store")};

}  // namespace

std::span<const Flag> inert_flags() {
  return kFlags;
}

}  // namespace cleat
