#include <cleat/plugin.hpp>

#include "pg_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::postgresql::PgBinding>("bindings.postgresql"))
