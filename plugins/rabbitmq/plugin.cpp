#include <cleat/plugin.hpp>

#include "rabbit_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::rabbitmq::RabbitBinding>("bindings.rabbitmq"))
