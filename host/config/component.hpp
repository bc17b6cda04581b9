#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "policy/policy.hpp"

namespace cleat {

struct MetadataItem {
  std::string name;
  std::string value;  ///< as text; resolved from secretKeyRef or envRef where the file says so
};

/// One `kind: Component` document.
struct Component {
  std::string name, type, version;
  std::vector<MetadataItem> metadata;  ///< in the file's order and spelling
  std::uint64_t init_timeout_ns = 0;   ///< 0: the default
  bool ignore_errors = false;
  std::filesystem::path file;
  std::size_t line = 0;
  std::string broken;  ///< not empty: cannot be started, and why (a secret store that is not there, ...)

  /// The last item of that name wins. Names differ from fields only by case.
  [[nodiscard]] const std::string* find(std::string_view name) const;
  /// "path:line: component 'name'" for messages.
  [[nodiscard]] std::string where() const;
};

struct ComponentFiles {
  std::vector<Component> components;
  Policies policies;                  ///< of the Resiliency documents, names resolved
  std::vector<std::string> warnings;  ///< each with file and line
};

struct ComponentSelection {
  std::string app_id;
  std::string namespace_name;  ///< from NAMESPACE; empty: every namespace loads
  std::string pod_name;
  bool strict_dapr = false;  ///< only dapr.io/v1alpha1 documents in the nested form

  /// Where envRef looks; not set: the process's environment.
  std::function<std::optional<std::string>(const std::string& name)> environment = {};
  /// What {uuid} becomes; not set: a random one.
  std::function<std::string()> new_uuid = {};
};

/// Reads the YAML files of the directories, in flag order, then by file name, not recursive. A document that
/// cannot be read is a warning and its siblings load; a missing directory and a name given twice are errors,
/// as in Dapr. Documents of another kind or scope and components of another namespace are left out without a word, as in
/// Dapr.
/// Any fault in a Resiliency document is an error, unlike in Dapr: policies that are silently missing would
/// change what becomes of an event.
Result<ComponentFiles> load_components(const std::vector<std::filesystem::path>& directories,
                                       const ComponentSelection& selection);

}  // namespace cleat
