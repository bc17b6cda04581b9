#include "config/resiliency.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/suggest.hpp"
#include "base/text.hpp"
#include "config/document_head.hpp"
#include "config/resiliency_values.hpp"

namespace cleat {
namespace {

constexpr std::string_view kKind = "Resiliency";
constexpr std::array<std::string_view, 5> kRootKeys{"apiVersion", "kind", "metadata", "spec", "scopes"};
constexpr std::array<std::string_view, 2> kSpecKeys{"policies", "targets"};
constexpr std::array<std::string_view, 3> kPolicyKeys{"timeouts", "retries", "circuitBreakers"};
constexpr std::array<std::string_view, 3> kTargetKeys{"components", "apps", "actors"};
/// daprd's own policies for what is not served here.
constexpr std::string_view kBuiltIn = "DaprBuiltIn";

/// Reads every entry of a mapping of policies into the table.
template <class Map, class Read>
Result<> read_all(const YamlNode* node, Map& into, Read read) {
  if (node == nullptr) return {};
  for (const auto& [name, value] : node->members) {
    auto policy = read(name, value);
    if (!policy) return policy.error();
    into.insert_or_assign(name, std::move(*policy));
  }
  return {};
}

}  // namespace

Result<> ResiliencyDocuments::add(const std::filesystem::path& file, const YamlNode& root) {
  const YamlNode* metadata = root.find("metadata");
  const bool is_named = metadata != nullptr && metadata->is(YamlNode::Kind::map);
  std::string name = is_named ? text_of(metadata->find("name")) : std::string();
  const ResiliencyPlace place{file.string(), name.empty() ? file.filename().string() : std::move(name)};
  if (is_given(metadata) && !is_named)
    return place.fault(metadata->line,
                       fmt::format("metadata: expected a mapping, found {}", shown(*metadata)));
  const auto scopes = read_scopes(root);
  if (!scopes) return place.fault(root.line, scopes.error().text);
  if (!is_for_application(selection_, *scopes)) return {};
  if (const std::string fault = api_version_fault(root, selection_.strict_dapr); !fault.empty())
    return place.fault(root.line, fault);

  policies_.documents.push_back(place.document);
  check_root(root, place);
  const auto spec = mapping_at(root, "spec", "spec", place);
  if (!spec) return spec.error();
  if (*spec == nullptr) {
    warnings_.push_back(fmt::format("{}: it has no spec, so no policies", place.at(root.line)));
    return {};
  }
  if (const auto checked = check_keys(**spec, kSpecKeys, "spec", place); !checked) return checked.error();
  const auto policies = mapping_at(**spec, "policies", "spec.policies", place);
  if (!policies) return policies.error();
  const auto targets = mapping_at(**spec, "targets", "spec.targets", place);
  if (!targets) return targets.error();
  note_others(*policies, *targets, place);
  if (*policies != nullptr) {
    if (const auto added = add_policies(**policies, place); !added) return added.error();
  }
  return *targets == nullptr ? Result<>() : add_targets(**targets, place);
}

/// Other keys are allowed beside the spec, as in daprd; one that is nearly a known key is a slip.
void ResiliencyDocuments::check_root(const YamlNode& root, const ResiliencyPlace& place) {
  for (const auto& [key, value] : root.members) {
    const auto same = [&name = key](std::string_view other) { return iequals(name, other); };
    if (std::any_of(kRootKeys.begin(), kRootKeys.end(), same)) continue;
    const std::string_view meant = nearest_name(key, kRootKeys);
    if (meant.empty()) continue;
    warnings_.push_back(
        fmt::format("{}: '{}' is not known here: did you mean '{}'?", place.at(value.line), key, meant));
  }
}

Result<> ResiliencyDocuments::add_policies(const YamlNode& policies, const ResiliencyPlace& place) {
  if (const auto checked = check_keys(policies, kPolicyKeys, "spec.policies", place); !checked)
    return checked.error();
  std::array<const YamlNode*, 3> lists{};
  for (std::size_t i = 0; i < kPolicyKeys.size(); ++i) {
    const auto list =
        mapping_at(policies, kPolicyKeys[i], fmt::format("spec.policies.{}", kPolicyKeys[i]), place);
    if (!list) return list.error();
    lists[i] = *list;
  }
  const auto timeouts = read_all(lists[0], policies_.timeouts, [&](const auto& name, const YamlNode& node) {
    note_definition("timeout", name, node.line, place);
    return read_timeout(name, node, place);
  });
  if (!timeouts) return timeouts.error();
  const auto retries = read_all(lists[1], policies_.retries, [&](const auto& name, const YamlNode& node) {
    note_definition("retry policy", name, node.line, place);
    return read_retry(name, node, place);
  });
  if (!retries) return retries.error();
  return read_all(lists[2], policies_.breakers, [&](const auto& name, const YamlNode& node) {
    note_definition("circuit breaker", name, node.line, place);
    return read_breaker(name, node, place);
  });
}

Result<> ResiliencyDocuments::add_targets(const YamlNode& targets, const ResiliencyPlace& place) {
  if (const auto checked = check_keys(targets, kTargetKeys, "spec.targets", place); !checked)
    return checked.error();
  const auto components = mapping_at(targets, kTargetKeys[0], "spec.targets.components", place);
  if (!components) return components.error();
  return read_all(*components, targets_, [&](const auto& name, const YamlNode& node) {
    note_definition("target component", name, node.line, place);
    return read_target(name, node, place);
  });
}

void ResiliencyDocuments::note_others(const YamlNode* policies, const YamlNode* targets,
                                      const ResiliencyPlace& place) {
  std::vector<std::string> others;
  std::size_t line = 0;
  const auto note = [&](std::string what, const YamlNode& node) {
    others.push_back(std::move(what));
    if (line == 0) line = node.line;
  };
  for (const std::string_view key : {kTargetKeys[1], kTargetKeys[2]}) {
    const YamlNode* node = targets == nullptr ? nullptr : targets->find(key);
    if (is_given(node)) note(fmt::format("targets.{}", key), *node);
  }
  const YamlNode* retries = policies == nullptr ? nullptr : policies->find("retries");
  if (retries != nullptr) {
    for (const auto& [name, node] : retries->members) {
      if (name.starts_with(kBuiltIn)) note(name, node);
    }
  }
  if (others.empty()) return;
  warnings_.push_back(fmt::format("{}: without effect: {}: only components are served", place.at(line),
                                  fmt::join(others, ", ")));
}

void ResiliencyDocuments::note_definition(std::string_view what, const std::string& name, std::size_t line,
                                          const ResiliencyPlace& place) {
  const std::string key = fmt::format("{} '{}'", what, name.substr(0, 100));
  const std::string here = fmt::format("{}:{}", place.file, line);
  const auto [known, is_new] = definitions_.try_emplace(fmt::format("{} {}", what, name), here);
  if (is_new) return;
  warnings_.push_back(
      fmt::format("{}: {} is already defined in {}: this one counts", place.at(line), key, known->second));
  known->second = here;
}

Result<Policies> ResiliencyDocuments::resolve(const std::vector<Component>& components) {
  for (const auto& [name, target] : targets_) {
    auto inbound = cleat::resolve(target.inbound, policies_);
    if (!inbound) return inbound.error();
    auto outbound = cleat::resolve(target.outbound, policies_);
    if (!outbound) return outbound.error();
    policies_.targets.insert_or_assign(name, Policies::Target{std::move(*inbound), std::move(*outbound)});
    const bool is_loaded = std::any_of(components.begin(), components.end(),
                                       [&wanted = name](const Component& one) { return one.name == wanted; });
    if (!is_loaded)
      warnings_.push_back(
          fmt::format("{}: no component of that name is loaded, so it has no effect", target.at));
  }
  return std::move(policies_);
}

bool looks_like_resiliency(std::string_view text) {
  constexpr std::string_view kAround = " \t\"'";
  constexpr std::size_t kNear = 256;
  const auto cut_back = [&](std::string_view& left) {
    const auto last = left.find_last_not_of(kAround);
    left = left.substr(0, last == std::string_view::npos ? 0 : last + 1);
  };
  for (std::size_t begin = 0; begin < text.size();) {
    const std::string_view line = text.substr(begin, text.find('\n', begin) - begin);
    begin += line.size() + 1;
    const std::string_view said = line.substr(0, line.find('#'));
    for (std::size_t at = said.find(kKind); at != std::string_view::npos; at = said.find(kKind, at + 1)) {
      // So far before it, so that a long line costs no more than many short ones.
      std::string_view left = said.substr(at - std::min(at, kNear), std::min(at, kNear));
      cut_back(left);
      if (!left.ends_with(':')) continue;
      left.remove_suffix(1);
      cut_back(left);
      if (left.size() >= 4 && iequals(left.substr(left.size() - 4), "kind")) return true;
    }
  }
  return false;
}

}  // namespace cleat
