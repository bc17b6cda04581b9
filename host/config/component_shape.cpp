#include <fmt/format.h>

#include "config/component_document.hpp"
#include "config/document_head.hpp"

namespace cleat {
namespace {

std::string name_fault(const std::string& name, bool flat) {
  if (name.empty()) return fmt::format("it has no name: {} is missing", flat ? "name" : "metadata.name");
  if (name == "." || name == "..")
    return fmt::format("its name is '{}', which cannot be part of a path", name);
  if (name.find_first_of("/%") == std::string::npos) return {};
  return fmt::format("its name '{}' holds a '/' or a '%', which cannot be part of a path", name);
}

std::string items_fault(const YamlNode* items, bool flat) {
  const std::string_view what = flat ? "metadata" : "spec.metadata";
  if (!is_given(items)) return {};
  if (!items->is(YamlNode::Kind::list)) {
    return fmt::format("{} in line {} must be a list of '- name: ...' with 'value: ...'", what, items->line);
  }
  for (const YamlNode& item : items->items) {
    if (item.is(YamlNode::Kind::map)) continue;
    return fmt::format("the {} item in line {} must be a mapping with name and value", what, item.line);
  }
  return {};
}

/// Finds spec and metadata list, and the mapping that holds name and namespace.
Result<const YamlNode*> find_parts(const YamlNode& root, bool strict_dapr, ComponentDocument& document) {
  const YamlNode* spec = root.find("spec");
  const YamlNode* metadata = root.find("metadata");
  if (spec == nullptr) {
    if (strict_dapr) return fail("it has no spec; the flat form without one is not read with --strict-dapr");
    if (!is_given(root.find("type"))) return fail("it has neither a spec nor a type");
    document.body = &root;
    const bool is_named = is_given(root.find("name"));
    const bool names_itself = !is_named && metadata != nullptr && metadata->is(YamlNode::Kind::map);
    document.items = names_itself ? nullptr : metadata;
    return names_itself ? metadata : &root;
  }
  if (!spec->is(YamlNode::Kind::map)) {
    return fail(fmt::format("spec in line {} must be a mapping with type and metadata", spec->line));
  }
  if (metadata == nullptr || !metadata->is(YamlNode::Kind::map)) {
    return fail("it has no name: metadata must be a mapping with a name beside spec");
  }
  document.body = spec;
  document.items = spec->find("metadata");
  return metadata;
}

}  // namespace

Result<ComponentDocument> read_shape(const YamlNode& root, const ComponentSelection& selection) {
  if (std::string fault = api_version_fault(root, selection.strict_dapr); !fault.empty())
    return fail(std::move(fault));

  ComponentDocument document;
  document.root = &root;
  const auto naming = find_parts(root, selection.strict_dapr, document);
  if (!naming) return naming.error();
  const bool flat = document.body == &root;
  document.component.name = text_of((*naming)->find("name"));
  document.namespace_name = text_of((*naming)->find("namespace"));
  document.component.type = text_of(document.body->find("type"));
  document.component.version = text_of(document.body->find("version"));
  document.component.line = root.line;
  if (std::string fault = name_fault(document.component.name, flat); !fault.empty())
    return fail(std::move(fault));
  if (std::string fault = items_fault(document.items, flat); !fault.empty()) return fail(std::move(fault));
  auto scopes = read_scopes(root);
  if (!scopes) return scopes.error();
  document.scopes = std::move(*scopes);
  return document;
}

}  // namespace cleat
