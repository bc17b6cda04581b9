#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/component.hpp"
#include "config/yaml.hpp"

namespace cleat {

/// A component document whose shape is known to be right and whose values are not read yet: what belongs to
/// another namespace or application must not be complained about.
struct ComponentDocument {
  Component component;  ///< name, type, version and place only
  std::string namespace_name;
  std::vector<std::string> scopes;
  const YamlNode* root = nullptr;
  const YamlNode* body = nullptr;   ///< the spec, or the whole document in the flat form
  const YamlNode* items = nullptr;  ///< the metadata list; nullptr: none
};

/// `root` is of the kind Component. The error has no place, the caller knows it. The result points into
/// `root`.
Result<ComponentDocument> read_shape(const YamlNode& root, const ComponentSelection& selection);

/// Reads everything else. Warnings have file and line; what cannot be had at all makes the component broken.
Component read_values(ComponentDocument document, const ComponentSelection& selection,
                      std::vector<std::string>& warnings);

}  // namespace cleat
