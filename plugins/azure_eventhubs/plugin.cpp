#include <cleat/plugin.hpp>

#include "eventhubs_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::eventhubs::EventHubsBinding>("bindings.azure.eventhubs"))
