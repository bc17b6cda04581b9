#include <cleat/plugin.hpp>

#include "sink_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::sink::SinkBinding>("bindings.sink"))
