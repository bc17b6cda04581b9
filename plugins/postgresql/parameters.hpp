#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cleat::postgresql {

/// How to connect, under libpq's names: each one once.
class Parameters {
 public:
  void set(std::string_view name, std::string value) {
    if (std::string* const held = find(name)) {
      *held = std::move(value);
    } else {
      items_.emplace_back(name, std::move(value));
    }
  }
  /// Empty without one.
  [[nodiscard]] std::string get(std::string_view name) const {
    const auto found =
        std::find_if(items_.begin(), items_.end(), [&](const auto& item) { return item.first == name; });
    return found == items_.end() ? std::string() : found->second;
  }
  [[nodiscard]] bool is_empty() const { return items_.empty(); }
  [[nodiscard]] auto begin() const { return items_.begin(); }
  [[nodiscard]] auto end() const { return items_.end(); }

 private:
  std::string* find(std::string_view name) {
    const auto found =
        std::find_if(items_.begin(), items_.end(), [&](const auto& item) { return item.first == name; });
    return found == items_.end() ? nullptr : &found->second;
  }

  std::vector<std::pair<std::string, std::string>> items_;
};

}  // namespace cleat::postgresql
