#include "cli/flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/text.hpp"
#include "cli/values.hpp"

namespace cleat {
namespace {

constexpr std::int64_t kInt32Max = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kInt32Min = std::numeric_limits<std::int32_t>::min();

template <class T, class V>
Result<> put(T& target, Result<V> value) {
  if (!value) return value.error();
  target = static_cast<T>(*value);
  return {};
}

Result<> positive(std::int64_t& target, Result<std::int64_t> value, std::string_view text,
                  std::int64_t unit) {
  if (!value) return value.error();
  if (*value <= 0) return fail(fmt::format("expected more than 0, found \"{}\"", text));
  target = *value * unit;
  return {};
}

Result<> app_id(OptionsDraft& draft, std::string_view value) {
  if (value.find('.') != std::string_view::npos) {
    return fail(fmt::format("expected a name without dots, found \"{}\"", value));
  }
  draft.options.app_id = value;
  return {};
}

Result<> app_protocol(OptionsDraft& draft, std::string_view value) {
  constexpr std::string_view kKnown[] = {"http", "https", "h2c", "grpc", "grpcs"};
  if (std::find(std::begin(kKnown), std::end(kKnown), value) == std::end(kKnown)) {
    return fail(fmt::format("expected http, https, h2c, grpc or grpcs, found \"{}\"", value));
  }
  if (value != "http") {
    draft.options.notes.push_back(fmt::format(
        "--app-protocol {} has no effect yet: the application is called over plain HTTP/1.1", value));
  }
  return {};
}

// Empty is none, as for daprd.
Result<> app_port(OptionsDraft& draft, std::string_view value) {
  return put(draft.options.app_port, port_value(value.empty() ? "0" : value));
}

Result<> app_channel_address(OptionsDraft& draft, std::string_view value) {
  if (!trim(value).empty()) draft.options.app_channel_address = trim(value);
  return {};
}

Result<> app_max_concurrency(OptionsDraft& d, std::string_view v) {
  return put(d.options.app_max_concurrency, integer_value(v, kInt32Min, kInt32Max));
}

Result<> app_binding_options_timeout(OptionsDraft& draft, std::string_view value) {
  std::int64_t ns = 0;
  if (auto good = positive(ns, parse_duration(value, 0), value, 1); !good) return good;
  draft.options.app_binding_options_timeout_ns = static_cast<std::uint64_t>(ns);
  return {};
}

Result<> http_port(OptionsDraft& d, std::string_view v) {
  return put(d.options.http_port, port_value(v));
}

Result<> listen_addresses(OptionsDraft& draft, std::string_view value) {
  if (auto addresses = split_list(value); !addresses.empty())
    draft.options.listen_addresses = std::move(addresses);
  return {};
}

Result<> max_body_size(OptionsDraft& draft, std::string_view value) {
  draft.has_max_body_size = true;
  return put(draft.options.max_body_size, parse_quantity(value));
}

// As daprd does: the new flag wins over the old one, whichever comes first.
Result<> max_request_size_mb(OptionsDraft& draft, std::string_view value) {
  const auto megabytes = integer_value(value, -1, kInt32Max);
  if (!megabytes) return megabytes.error();
  if (!draft.has_max_body_size) draft.options.max_body_size = *megabytes << 20;
  return {};
}

Result<> read_buffer_size(OptionsDraft& draft, std::string_view value) {
  draft.has_read_buffer_size = true;
  return positive(draft.options.read_buffer_size, parse_quantity(value), value, 1);
}

Result<> read_buffer_size_kb(OptionsDraft& draft, std::string_view value) {
  std::int64_t bytes = 0;
  if (auto good = positive(bytes, integer_value(value, 1, kInt32Max), value, 1024); !good) return good;
  if (!draft.has_read_buffer_size) draft.options.read_buffer_size = bytes;
  return {};
}

Result<> add_paths(std::vector<std::filesystem::path>& paths, std::string_view value) {
  for (std::string& path : split_list(value))
    paths.emplace_back(std::move(path));
  return {};
}

Result<> resources_path(OptionsDraft& d, std::string_view v) {
  return add_paths(d.options.resources_paths, v);
}
Result<> components_path(OptionsDraft& d, std::string_view v) {
  return add_paths(d.components_paths, v);
}

Result<> plugin_dir(OptionsDraft& draft, std::string_view value) {
  if (trim(value).empty()) return fail("expected a directory, found nothing");
  draft.options.plugin_dirs.emplace_back(value);
  return {};
}

Result<> io_threads(OptionsDraft& d, std::string_view v) {
  return put(d.options.io_threads, integer_value(v, 1, 64));
}
Result<> strict_dapr(OptionsDraft& d, std::string_view v) {
  return put(d.options.strict_dapr, bool_value(v));
}
Result<> wait(OptionsDraft& d, std::string_view v) {
  return put(d.options.wait, bool_value(v));
}
Result<> log_level(OptionsDraft& d, std::string_view v) {
  return put(d.options.log_level, log_level_value(v));
}
Result<> log_as_json(OptionsDraft& d, std::string_view v) {
  return put(d.options.log_as_json, bool_value(v));
}

Result<> block_shutdown(OptionsDraft& draft, std::string_view value) {
  const auto ns = parse_duration(value, 0);
  if (!ns) return ns.error();
  if (*ns < 0) return fail(fmt::format("expected a duration that is not negative, found \"{}\"", value));
  draft.options.block_shutdown_ns = static_cast<std::uint64_t>(*ns);
  return {};
}
Result<> graceful_shutdown(OptionsDraft& d, std::string_view v) {
  return put(d.options.graceful_shutdown_seconds, integer_value(v, 0, kInt32Max));
}

constexpr Flag renamed(std::string_view name, std::string_view placeholder,
                       Result<> (*apply)(OptionsDraft&, std::string_view), std::string_view replaced_by) {
  return {name, {}, placeholder, {}, apply, {}, false, replaced_by};
}

constexpr std::string_view kApp = "The application", kApi = "The API", kFiles = "Components and plugins";
constexpr std::string_view kProcess = "The process", kLog = "The log";

constexpr Flag kFlags[] = {
    {"app-id", kApp, "name", "the application's name, without dots (default: cleat)", app_id},
    {"app-port", kApp, "port", "where the application listens; without it nothing is delivered", app_port},
    {"app-channel-address", kApp, "host", "the application's host (default: 127.0.0.1)", app_channel_address},
    {"app-protocol", kApp, "name", "how the application is called; only http works yet", app_protocol},
    {"app-max-concurrency", kApp, "n", "events under way at once; below 1: no limit (default: -1)",
     app_max_concurrency},
    {"app-binding-options-timeout", kApp, "time",
     "for asking the application whether it wants a binding (default: 3s)", app_binding_options_timeout},

    {"dapr-http-port", kApi, "port", "0: any free one, written to the log (default: 3500)", http_port},
    {"dapr-listen-addresses", kApi, "list", "addresses to listen on (default: 127.0.0.1)", listen_addresses},
    {"max-body-size", kApi, "size", "of a request; 0 or less: no limit (default: 4Mi)", max_body_size},
    {"read-buffer-size", kApi, "size", "of a request's headers (default: 4Ki)", read_buffer_size},

    {"resources-path", kFiles, "list", "directories of component files; may be given again", resources_path},
    {"components-path", kFiles, "list", "the older name, used when --resources-path is not given",
     components_path},
    {"plugin-dir", kFiles, "dir",
     "a directory of plugins; may be given again (default: plugins beside this program, and the installed "
     "ones)",
     plugin_dir},

    {"dapr-block-shutdown-duration", kProcess, "time",
     "after a signal the API stays open for so long (default: 0)", block_shutdown},
    {"dapr-graceful-shutdown-seconds", kProcess, "n", "for a stop; 0: wait for ever (default: 5)",
     graceful_shutdown},
    {"io-threads", kProcess, "n", "threads for sockets and delivery, 1 to 64 (default: 1)", io_threads},
    {"strict-dapr", kProcess, {}, "behave as Dapr does where our default differs", strict_dapr},
    {"wait", kProcess, {}, "wait until a host on --dapr-http-port is ready, then exit", wait},

    {"log-level", kLog, "level", "debug, info, warn or error (default: info)", log_level},
    {"log-as-json", kLog, {}, "one JSON object per line", log_as_json},

    renamed("dapr-id", "name", app_id, "app-id"),
    renamed("protocol", "name", app_protocol, "app-protocol"),
    renamed("max-concurrency", "n", app_max_concurrency, "app-max-concurrency"),
    renamed("dapr-http-max-request-size", "MB", max_request_size_mb, "max-body-size"),
    renamed("dapr-http-read-buffer-size", "KB", read_buffer_size_kb, "read-buffer-size")};

}  // namespace

std::span<const Flag> working_flags() {
  return kFlags;
}

}  // namespace cleat
