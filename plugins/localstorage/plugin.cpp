#include <cleat/plugin.hpp>

#include "localstorage_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::localstorage::LocalStorageBinding>("bindings.localstorage"))
