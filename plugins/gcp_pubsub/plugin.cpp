#include <cleat/plugin.hpp>

#include "pubsub_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::pubsub::PubSubBinding>("bindings.gcp.pubsub"))
