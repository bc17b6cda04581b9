#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "config/component_document.hpp"
#include "config/suggest.hpp"
#include "config/value_text.hpp"

namespace cleat {
namespace {

constexpr std::string_view kApiVersion = "dapr.io/v1alpha1";
constexpr std::string_view kOldApiVersion = "actions.io/v1alpha1";
constexpr std::array<std::string_view, 1> kKinds{"Component"};

std::string text_of(const YamlNode* node) {
  return node == nullptr ? std::string() : plain_text(*node);
}

bool is_given(const YamlNode* node) {
  return node != nullptr && !node->is(YamlNode::Kind::null) &&
         (!node->is(YamlNode::Kind::scalar) || !plain_text(*node).empty());
}

/// True: a component. Other kinds share the files and are nobody's mistake; a kind that is nearly ours is.
Result<bool> is_component(const YamlNode& root) {
  const std::string kind = text_of(root.find("kind"));
  if (kind == kKinds.front()) return true;
  if (kind == "Resiliency") return fail("resiliency policies are not served yet, so they have no effect");
  if (kind.empty()) return fail("it has no kind: a component begins with 'kind: Component'");
  if (nearest_name(kind, kKinds).empty()) return false;
  return fail(fmt::format("its kind is '{}': did you mean 'Component'?", kind));
}

std::string api_version_fault(const YamlNode& root, bool strict_dapr) {
  const std::string found = text_of(root.find("apiVersion"));
  if (found == kApiVersion) return {};
  if (!strict_dapr && (found.empty() || found == kOldApiVersion)) return {};
  return fmt::format("its apiVersion is '{}', expected '{}'{}", found, kApiVersion,
                     strict_dapr && (found.empty() || found == kOldApiVersion) ? " with --strict-dapr" : "");
}

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

Result<std::vector<std::string>> read_scopes(const YamlNode* scopes) {
  std::vector<std::string> all;
  if (!is_given(scopes)) return all;
  if (!scopes->is(YamlNode::Kind::list)) {
    return fail(fmt::format("scopes in line {} must be a list of app ids", scopes->line));
  }
  for (const YamlNode& scope : scopes->items) {
    if (!scope.is(YamlNode::Kind::scalar)) {
      return fail(fmt::format("the scope in line {} must be an app id", scope.line));
    }
    all.push_back(scope.text);
  }
  return all;
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

Result<std::optional<ComponentDocument>> read_shape(const YamlNode& root,
                                                    const ComponentSelection& selection) {
  if (root.is(YamlNode::Kind::null)) return std::nullopt;
  if (!root.is(YamlNode::Kind::map)) {
    return fail(fmt::format("it is {}, expected a mapping that begins with 'kind: Component'",
                            root.is(YamlNode::Kind::list) ? "a list" : "plain text"));
  }
  const auto ours = is_component(root);
  if (!ours) return ours.error();
  if (!*ours) return std::nullopt;
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
  auto scopes = read_scopes(root.find("scopes"));
  if (!scopes) return scopes.error();
  document.scopes = std::move(*scopes);
  return std::optional(std::move(document));
}

}  // namespace cleat
