#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/component.hpp"
#include "config/resiliency_names.hpp"
#include "config/yaml.hpp"
#include "policy/policy.hpp"

namespace cleat {

/// Gathers the `kind: Resiliency` documents of all files into one table. Of policies and targets of one name
/// the last counts, as in daprd; unlike in daprd every document of a file is read and a fault is an error.
class ResiliencyDocuments {
 public:
  /// Both outlive this. Warnings have file and line.
  ResiliencyDocuments(const ComponentSelection& selection, std::vector<std::string>& warnings)
      : selection_(selection), warnings_(warnings) {}

  /// One document. What is meant for another namespace or application is left out without a word.
  Result<> add(const std::filesystem::path& file, const YamlNode& root);

  /// After the last document: a target may name policies of any of them.
  Result<Policies> resolve(const std::vector<Component>& components);

 private:
  void check_root(const YamlNode& root, const ResiliencyPlace& place);
  Result<> add_policies(const YamlNode& policies, const ResiliencyPlace& place);
  Result<> add_targets(const YamlNode& targets, const ResiliencyPlace& place);
  void note_others(const YamlNode* policies, const YamlNode* targets, const ResiliencyPlace& place);
  void note_definition(std::string_view what, const std::string& name, std::size_t line,
                       const ResiliencyPlace& place);

  const ComponentSelection& selection_;
  std::vector<std::string>& warnings_;
  Policies policies_;
  std::map<std::string, ResiliencyTarget, std::less<>> targets_;
  std::map<std::string, std::string> definitions_;  ///< "retry policy 'r'" to where it is defined
};

/// Whether text that is no YAML was meant to be such a document.
bool looks_like_resiliency(std::string_view text);

}  // namespace cleat
