#include "config/document_head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/suggest.hpp"
#include "config/value_text.hpp"

namespace cleat {
namespace {

constexpr std::string_view kApiVersion = "dapr.io/v1alpha1";
constexpr std::string_view kOldApiVersion = "actions.io/v1alpha1";
constexpr std::array<std::string_view, 2> kKinds{"Component", "Resiliency"};

}  // namespace

std::string text_of(const YamlNode* node) {
  return node == nullptr ? std::string() : plain_text(*node);
}

bool is_given(const YamlNode* node) {
  return node != nullptr && !node->is(YamlNode::Kind::null) &&
         (!node->is(YamlNode::Kind::scalar) || !plain_text(*node).empty());
}

Result<DocumentKind> kind_of(const YamlNode& root) {
  if (root.is(YamlNode::Kind::null)) return DocumentKind::other;
  if (!root.is(YamlNode::Kind::map)) {
    return fail(fmt::format("it is {}, expected a mapping that begins with 'kind: Component'",
                            root.is(YamlNode::Kind::list) ? "a list" : "plain text"));
  }
  const std::string kind = text_of(root.find("kind"));
  if (kind == kKinds[0]) return DocumentKind::component;
  if (kind == kKinds[1]) return DocumentKind::resiliency;
  if (kind.empty()) return fail("it has no kind: a component begins with 'kind: Component'");
  const std::string_view meant = nearest_name(kind, kKinds);
  if (meant.empty()) return DocumentKind::other;
  return fail(fmt::format("its kind is '{}': did you mean '{}'?", kind, meant));
}

std::string api_version_fault(const YamlNode& root, bool strict_dapr) {
  const std::string found = text_of(root.find("apiVersion"));
  if (found == kApiVersion) return {};
  if (!strict_dapr && (found.empty() || found == kOldApiVersion)) return {};
  return fmt::format("its apiVersion is '{}', expected '{}'{}", found, kApiVersion,
                     strict_dapr && (found.empty() || found == kOldApiVersion) ? " with --strict-dapr" : "");
}

Result<std::vector<std::string>> read_scopes(const YamlNode& root) {
  const YamlNode* scopes = root.find("scopes");
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

bool is_for_namespace(const ComponentSelection& selection, const std::string& namespace_name) {
  return selection.namespace_name.empty() || namespace_name.empty() ||
         namespace_name == selection.namespace_name;
}

bool is_for_application(const ComponentSelection& selection, const std::vector<std::string>& scopes) {
  return scopes.empty() || std::find(scopes.begin(), scopes.end(), selection.app_id) != scopes.end();
}

}  // namespace cleat
