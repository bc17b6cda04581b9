#include <cleat/plugin.hpp>

#include "storagequeues_binding.hpp"

CLEAT_PLUGIN("manifest.json",
             cleat::type<cleat::storagequeues::StorageQueuesBinding>("bindings.azure.storagequeues"))
