#pragma once

#include <cleat/plugin.h>

#include <string_view>

#include "base/log.hpp"
#include "base/result.hpp"
#include "plugin/catalogue.hpp"

namespace cleat {

/// Opens the file (Boost.DLL, rtld_now | rtld_local, never unloaded), calls its entry once and checks the
/// tables against the manifest that was read from its note. All faults are listed in one error. Only files
/// from a catalogue are opened, so code of a file without a valid note never runs. Opening the same file
/// again gives the same table. Blocks.
Result<const cleat_plugin*> open_library(const CatalogueEntry& entry, Log& log);

/// The checks alone, on a table from memory: for tests and for plugins that are linked in.
Result<> check_plugin_table(const cleat_plugin* table, const Manifest& manifest);

/// The table of one type, or nullptr.
const cleat_binding_type* find_type(const cleat_plugin& plugin, std::string_view type);

}  // namespace cleat
