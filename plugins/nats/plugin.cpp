#include <cleat/plugin.hpp>

#include "nats_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::nats::NatsBinding>("bindings.nats"))
