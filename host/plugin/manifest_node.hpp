#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"

namespace cleat {

/// One object of a manifest and where it stands, so that every fault names its place. A member of the wrong
/// kind is a fault and then reads as absent, so that the reading goes on to the next fault.
class ManifestNode {
 public:
  /// `value` and `faults` outlive the node.
  ManifestNode(const json::Value& value, std::string where, std::vector<std::string>& faults)
      : value_(&value), where_(std::move(where)), faults_(&faults) {}

  void fault(std::string_view text) const;
  /// Adds the object's own name to the place.
  void name_place(std::string_view name) { where_ += name.empty() ? "" : " (" + std::string(name) + ")"; }

  [[nodiscard]] bool has(std::string_view name) const { return value_->find(name) != nullptr; }
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] std::string required_text(std::string_view name) const;
  [[nodiscard]] bool flag(std::string_view name) const;
  /// A whole number from 0 to `most`; 0 if absent.
  [[nodiscard]] std::uint32_t count(std::string_view name, std::uint32_t most) const;
  /// A string, a number or a boolean, as text.
  [[nodiscard]] std::optional<std::string> scalar(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> scalars(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> names(std::string_view name) const;
  /// CLEAT_IN | CLEAT_OUT from "directions"; 0 if absent.
  [[nodiscard]] std::uint32_t directions() const;
  /// The objects of a list, at most `most`.
  [[nodiscard]] std::vector<ManifestNode> objects(std::string_view name, std::size_t most) const;

 private:
  [[nodiscard]] const json::Value* member(std::string_view name, json::Kind wanted) const;

  const json::Value* value_;
  std::string where_;
  std::vector<std::string>* faults_;
};

}  // namespace cleat
