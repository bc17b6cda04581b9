#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/options.hpp"

namespace cleat {

/// The options while they are read, with what is only known to be needed at the end.
struct OptionsDraft {
  Options options;
  std::vector<std::filesystem::path> components_paths;
  bool has_max_body_size = false;
  bool has_read_buffer_size = false;
};

/// One flag of the command line: the one place that knows its name, value, help and effect.
struct Flag {
  std::string_view name;
  std::string_view group;  ///< heading in the help; empty: not shown there
  std::string_view
      placeholder;  ///< of the value in the help; empty: a switch, whose value is true, false or absent
  std::string_view help;
  /// Takes the value over. The error says what was expected and found, without the flag's name.
  Result<> (*apply)(OptionsDraft& draft, std::string_view value) = nullptr;
  /// Of a flag without effect: the value that asks for what the host does anyway, so that nothing need be
  /// said. An empty value never asks for anything.
  std::string_view neutral = {};
  bool inert = false;
  std::string_view replaced_by = {};  ///< of a deprecated flag: the one to use

  [[nodiscard]] bool is_switch() const { return placeholder.empty(); }
};

/// Those that do something, in the order of the help.
[[nodiscard]] std::span<const Flag> working_flags();
/// Those of daprd that are accepted and checked, and have no effect yet.
[[nodiscard]] std::span<const Flag> inert_flags();
[[nodiscard]] const Flag* find_flag(std::string_view name);
/// The known name that is the fewest edits away, if it is near enough to be meant.
[[nodiscard]] std::string_view nearest_flag(std::string_view name);
[[nodiscard]] std::string help_text();

}  // namespace cleat
