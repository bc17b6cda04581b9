#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace cleat {

/// One metadata field that a binding type takes, as its manifest declares it.
struct Field {
  enum class Type { string, integer, number, boolean, duration, size, list };
  /// What of the host's retry a field means, where a component gives it. Dapr's components have such fields.
  enum class Feeds {
    nothing,
    retry_enabled,
    retry_policy,
    retry_duration,
    retry_initial_interval,
    retry_max_interval,
    retry_max_elapsed,
    retry_multiplier,
    retry_randomization,
    retry_max_retries
  };

  /// What of the far end a field names. Two components of one type with a server in common and the source of one as the
  /// destination of the other would feed each other. `both`: an input reads it, an output writes to it.
  enum class Names { nothing, server, source, destination, both };

  std::string name;
  std::vector<std::string> aliases;
  Type type = Type::string;
  bool required = false;
  std::uint32_t directions = 0;  ///< CLEAT_IN | CLEAT_OUT: where it is used, and where `required` holds
  std::optional<std::string> default_value;
  std::vector<std::string> allowed;  ///< compared without case; the manifest's spelling goes to the plugin
  std::string bare_unit;             ///< duration: what a bare number counts, "s" (default) or "ms"
  bool sensitive = false;
  Feeds feeds = Feeds::nothing;
  Names names = Names::nothing;
  [[nodiscard]] bool is_source() const { return names == Names::source || names == Names::both; }
  [[nodiscard]] bool is_destination() const { return names == Names::destination || names == Names::both; }
  bool enables = false;  ///< without `direction` its direction is in use only where the field is given
  std::string
      request_key;  ///< destination: the entry of a request's metadata that stands in for it; empty: none
  std::string help, example, deprecated;
};

struct BindingType {
  std::string type;  ///< "bindings.kafka"
  std::string version = "v1";
  std::vector<std::string> aliases;
  std::uint32_t directions = 0;
  std::vector<std::string> operations;
  bool blocking = false;
  bool serial = false;
  std::uint32_t max_concurrency = 0;  ///< calls not yet completed; 0: no bound of the plugin's own
  bool delayed_return = false;
  bool broker_dead_letter = false;
  std::uint64_t heartbeat_ns =
      0;  ///< while it reads, the plugin gives a sign of life at least so often; 0: it promises none
  std::vector<Field> fields;
};

/// The one declaration of what a plugin is: plugin-api/README.md, schemas/manifest.schema.json.
struct Manifest {
  std::string abi, plugin, version, license;
  std::vector<BindingType> types;
  std::string text;  ///< the bytes of the note
};

/// The bytes of the manifest note of a plugin file, read as data: nothing of the file runs. Any file may be
/// given; the error is one sentence with the path, what was expected, what was found and what to do.
Result<std::string> read_manifest_note(const std::filesystem::path& file);

/// Whether a name is the host's own and may not be declared by a manifest. Given by the caller, because what
/// the host's fields are is not this room's knowledge.
using ReservedName = std::function<bool(std::string_view)>;

/// Checks the whole document and lists every fault, not just the first; with another interface version that
/// alone, because the rest may follow other rules. Members that this host does not know are ignored. A
/// `default` and `allowed` values must be values of the field's type. The error has no path: who knows the
/// file says it.
Result<Manifest> parse_manifest(std::string_view text, const ReservedName& reserved = {});

/// Whether the text is a value of the field's type: "true" or "false", a decimal integer, a Go duration, a
/// size in bytes.
bool is_value_of(const Field& field, std::string_view text);

}  // namespace cleat
