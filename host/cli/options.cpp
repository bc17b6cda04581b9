#include "cli/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

#include "cli/flags.hpp"

namespace cleat {
namespace {

// As daprd does: what cannot be read ends with 2, what contradicts itself with 1.
constexpr int kUnreadable = 2;
constexpr int kContradiction = 1;

Exit unreadable(std::string sentence) {
  return {kUnreadable, "cleat: " + std::move(sentence) + "\n"};
}
Exit contradiction(std::string sentence) {
  return {kContradiction, "cleat: " + std::move(sentence) + "\n"};
}

void add_note(Options& options, std::string note) {
  const auto& notes = options.notes;
  if (std::find(notes.begin(), notes.end(), note) == notes.end()) options.notes.push_back(std::move(note));
}

void note(Options& options, const Flag& flag, std::string_view value) {
  if (!flag.replaced_by.empty()) {
    add_note(options, fmt::format("--{} is deprecated, use --{}", flag.name, flag.replaced_by));
  }
  if (flag.inert && value != flag.neutral) {
    add_note(options, fmt::format("--{} has no effect yet", flag.name));
  }
}

// One argument split as Go's flags are: everything up to the first '=' is the name.
struct Argument {
  std::string_view name;
  std::optional<std::string_view> value;
};

std::optional<Argument> split_argument(std::string_view text) {
  if (text.size() < 2 || text.front() != '-' || text == "--") return std::nullopt;
  text.remove_prefix(text[1] == '-' ? 2 : 1);
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return Argument{text, std::nullopt};
  return Argument{text.substr(0, equals), text.substr(equals + 1)};
}

Exit unexpected_argument(std::string_view text, std::string_view previous_switch) {
  if (!previous_switch.empty()) {
    return unreadable(
        fmt::format("unexpected argument \"{}\": a switch takes its value with '=', as in --{}={}", text,
                    previous_switch, text));
  }
  return unreadable(
      fmt::format("unexpected argument \"{}\": expected a flag such as --app-id, see --help", text));
}

Exit unknown_flag(std::string_view name) {
  const std::string_view nearest = nearest_flag(name);
  return unreadable(nearest.empty() ? fmt::format("unknown flag --{}, see --help", name)
                                    : fmt::format("unknown flag --{}, did you mean --{}?", name, nearest));
}

std::optional<Exit> answer_at_once(std::string_view name) {
  if (name == "help" || name == "h") return Exit{0, help_text()};
  if (name == "version" || name == "build-info") return Exit{0, "cleat " CLEAT_VERSION "\n"};
  return std::nullopt;
}

std::optional<Exit> apply(const Flag& flag, std::string_view value, OptionsDraft& draft) {
  // A template that fills in nothing leaves "--flag=" behind, which is harmless where the flag does nothing.
  if (flag.inert && value.empty()) return std::nullopt;
  if (auto applied = flag.apply(draft, value); !applied) {
    return unreadable(fmt::format("--{}: {}", flag.name, applied.error().text));
  }
  note(draft.options, flag, value);
  return std::nullopt;
}

std::optional<Exit> read_arguments(std::span<const char* const> arguments, OptionsDraft& draft) {
  std::string_view previous_switch;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    auto argument = split_argument(arguments[i]);
    if (!argument) return unexpected_argument(arguments[i], previous_switch);
    if (auto exit = answer_at_once(argument->name)) return exit;
    const Flag* flag = find_flag(argument->name);
    if (flag == nullptr) return unknown_flag(argument->name);
    const bool lacks_value = !argument->value && !flag->is_switch();
    if (lacks_value && i + 1 == arguments.size()) {
      return unreadable(fmt::format("--{}: expected a value, found the end of the command line", flag->name));
    }
    previous_switch = argument->value || lacks_value ? std::string_view{} : flag->name;
    if (lacks_value) argument->value = arguments[++i];
    if (auto exit = apply(*flag, argument->value.value_or("true"), draft)) return exit;
  }
  return std::nullopt;
}

std::optional<Exit> settle_options(OptionsDraft& draft) {
  Options& options = draft.options;
  if (options.resources_paths.empty()) options.resources_paths = std::move(draft.components_paths);
  if (options.app_id.empty() && options.strict_dapr && !options.wait) {
    return contradiction(
        "--app-id: expected a name, found none; with --strict-dapr it is needed, as for daprd");
  }
  if (options.app_id.empty()) options.app_id = "cleat";
  if (options.app_port != 0 && options.app_port == options.http_port) {
    return contradiction(fmt::format(
        "--app-port and --dapr-http-port are both {}: the application and the host need a port each",
        options.app_port));
  }
  return std::nullopt;
}

}  // namespace

std::variant<Options, Exit> parse_options(int argc, const char* const* argv) {
  OptionsDraft draft;
  const std::span<const char* const> all(argv, static_cast<std::size_t>(std::max(argc, 0)));
  if (auto exit = read_arguments(all.subspan(all.empty() ? 0 : 1), draft)) return *std::move(exit);
  if (auto exit = settle_options(draft)) return *std::move(exit);
  return std::move(draft.options);
}

}  // namespace cleat
