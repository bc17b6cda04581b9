#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/component.hpp"
#include "config/yaml.hpp"

namespace cleat {

enum class DocumentKind : std::uint8_t { component, resiliency, other };

/// Which reader a document is for. Other kinds share the files and are nobody's mistake; a kind that is
/// nearly ours is. The error has no place, the caller knows it.
Result<DocumentKind> kind_of(const YamlNode& root);

/// Not empty: the document's apiVersion is not one that is read, and why.
std::string api_version_fault(const YamlNode& root, bool strict_dapr);

/// The app ids that the document is for; empty: every one.
Result<std::vector<std::string>> read_scopes(const YamlNode& root);

/// Whether the document is meant for this host.
bool is_for_namespace(const ComponentSelection& selection, const std::string& namespace_name);
bool is_for_application(const ComponentSelection& selection, const std::vector<std::string>& scopes);

/// A value that is there and neither null nor empty text.
bool is_given(const YamlNode* node);
/// A scalar's own characters; nothing for what is not there.
std::string text_of(const YamlNode* node);

}  // namespace cleat
