#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "plugin/library.hpp"

// The checks of a table that a plugin gave, against the manifest that was read from its file. Until the
// interface is frozen host and plugin have the same minor, so each struct must have at least this host's
// size.
namespace cleat {
namespace {

using Faults = std::vector<std::string>;

// A count beyond this is not walked: it is no number of types but a struct that was not filled.
constexpr std::uint32_t kMaxTypes = 256;

void check_functions(const cleat_binding_type& table, const BindingType& declared, Faults& faults) {
  const auto require = [&](bool given, std::string_view function, std::string_view why) {
    if (!given) faults.push_back(fmt::format("{} has no {}(){}", declared.type, function, why));
  };
  require(table.create != nullptr, "create", "");
  require(table.init != nullptr, "init", "");
  require(table.start != nullptr, "start", "");
  require(table.stop != nullptr, "stop", "");
  require(table.close != nullptr, "close", "");
  if ((declared.directions & CLEAT_OUT) != 0) {
    require(table.invoke != nullptr, "invoke", ", which its manifest's direction \"output\" needs");
  }
  if ((declared.directions & CLEAT_IN) != 0) {
    constexpr std::string_view kWhy = ", which its manifest's direction \"input\" needs";
    require(table.begin_input != nullptr, "begin_input", kWhy);
    require(table.set_window != nullptr, "set_window", kWhy);
    require(table.settle != nullptr, "settle", kWhy);
    require(table.end_input != nullptr, "end_input", kWhy);
  }
}

const BindingType* declared_as(const Manifest& manifest, std::string_view type) {
  for (const BindingType& declared : manifest.types) {
    if (iequals(declared.type, type)) return &declared;
  }
  return nullptr;
}

void check_type(const cleat_binding_type* table, std::uint32_t index, const Manifest& manifest,
                std::vector<std::string>& seen, Faults& faults) {
  if (table == nullptr) {
    faults.push_back(fmt::format("types[{}] is NULL", index));
    return;
  }
  if (table->struct_size < sizeof *table) {
    const bool named = CLEAT_HAS(cleat_binding_type, table, type) && table->type != nullptr;
    faults.push_back(fmt::format("types[{}]{} has a struct_size of {}, at least {} is needed", index,
                                 named ? fmt::format(" ({})", table->type) : "", table->struct_size,
                                 sizeof *table));
    if (named) seen.push_back(to_lower(table->type));
    return;
  }
  if (table->type == nullptr) {
    faults.push_back(fmt::format("types[{}] has no name", index));
    return;
  }
  const std::string name = to_lower(table->type);
  if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
    faults.push_back(fmt::format("types[{}] is {} a second time", index, table->type));
    return;
  }
  seen.push_back(name);
  const BindingType* declared = declared_as(manifest, name);
  if (declared == nullptr) {
    faults.push_back(fmt::format("types[{}] is {}, which the manifest does not declare", index, table->type));
    return;
  }
  check_functions(*table, *declared, faults);
}

void check_types(const cleat_plugin& plugin, const Manifest& manifest, Faults& faults) {
  std::vector<std::string> seen;
  if (plugin.types == nullptr) {
    faults.push_back("types is NULL");
    return;
  }
  if (plugin.type_count > kMaxTypes) {
    faults.push_back(fmt::format("type_count is {}, the most is {}", plugin.type_count, kMaxTypes));
    return;
  }
  for (std::uint32_t i = 0; i < plugin.type_count; ++i)
    check_type(plugin.types[i], i, manifest, seen, faults);
  for (const BindingType& declared : manifest.types) {
    if (std::find(seen.begin(), seen.end(), to_lower(declared.type)) == seen.end()) {
      faults.push_back(fmt::format("{} is declared in the manifest and has no table", declared.type));
    }
  }
}

void check_manifest_bytes(const cleat_plugin& plugin, const Manifest& manifest, Faults& faults) {
  if (plugin.manifest == nullptr) {
    faults.push_back("manifest is NULL");
  } else if (std::string_view(plugin.manifest, plugin.manifest_len) != manifest.text) {
    faults.push_back(fmt::format("manifest points at {} bytes that are not the {} of the note in the file",
                                 plugin.manifest_len, manifest.text.size()));
  }
}

Error faulty(const Faults& faults) {
  return fail(fmt::format(
      "expected a table as cleat/plugin.h {}.{} describes it, found {} ({}): correct the plugin",
      CLEAT_ABI_MAJOR, CLEAT_ABI_MINOR,
      faults.size() == 1 ? "a fault" : fmt::format("{} faults", faults.size()), fmt::join(faults, "; ")));
}

}  // namespace

Result<> check_plugin_table(const cleat_plugin* table, const Manifest& manifest) {
  if (table == nullptr) return fail("expected a table from cleat_entry_v0, found NULL: correct the plugin");
  Faults faults;
  // Beyond what the plugin says it filled nothing is read.
  if (CLEAT_HAS(cleat_plugin, table, abi_minor) &&
      (table->abi_major != CLEAT_ABI_MAJOR || table->abi_minor != CLEAT_ABI_MINOR)) {
    faults.push_back(fmt::format("its interface version is {}.{}", table->abi_major, table->abi_minor));
  }
  if (table->struct_size < sizeof *table) {
    faults.push_back(
        fmt::format("its struct_size is {}, at least {} is needed", table->struct_size, sizeof *table));
    return faulty(faults);
  }
  check_manifest_bytes(*table, manifest, faults);
  check_types(*table, manifest, faults);
  if (faults.empty()) return {};
  return faulty(faults);
}

const cleat_binding_type* find_type(const cleat_plugin& plugin, std::string_view type) {
  for (std::uint32_t i = 0; i < plugin.type_count; ++i) {
    if (iequals(plugin.types[i]->type, type)) return plugin.types[i];
  }
  return nullptr;
}

}  // namespace cleat
