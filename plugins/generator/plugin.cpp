#include <cleat/plugin.hpp>

#include "generator_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::generator::GeneratorBinding>("bindings.generator"))
