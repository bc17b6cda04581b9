#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "cli/flags.hpp"

namespace cleat {
namespace {

template <class Visit>
void for_each_flag(Visit visit) {
  for (const Flag& flag : working_flags())
    visit(flag);
  for (const Flag& flag : inert_flags())
    visit(flag);
}

// Levenshtein's distance.
std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

const Flag* find_flag(std::string_view name) {
  const Flag* found = nullptr;
  for_each_flag([&](const Flag& flag) {
    if (flag.name == name) found = &flag;
  });
  return found;
}

std::string_view nearest_flag(std::string_view name) {
  std::string_view nearest;
  std::size_t fewest = std::min<std::size_t>(4, name.size() / 2 + 1);
  for_each_flag([&](const Flag& flag) {
    if (const std::size_t edits = edits_between(name.substr(0, 64), flag.name); edits < fewest) {
      fewest = edits;
      nearest = flag.name;
    }
  });
  return nearest;
}

std::string help_text() {
  std::string text =
      "cleat: the bindings of Dapr as one process beside your application\n\nUsage: cleat [--flag=value | "
      "--flag value]...\n";
  std::string_view group;
  for (const Flag& flag : working_flags()) {
    if (flag.group.empty()) continue;
    if (flag.group != group) text += fmt::format("\n{}:\n", flag.group);
    group = flag.group;
    const std::string left =
        fmt::format("--{}{}{}", flag.name, flag.is_switch() ? "" : " ", flag.placeholder);
    text += fmt::format("  {:<38} {}\n", left, flag.help);
  }
  return text +
         "\n  --version, --help\n\nEvery other flag of daprd is accepted too; the log says once which of "
         "those given have no "
         "effect yet.\n";
}

}  // namespace cleat
