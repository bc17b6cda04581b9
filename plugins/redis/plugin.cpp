#include <cleat/plugin.hpp>

#include "redis_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::redis::RedisBinding>("bindings.redis"))
