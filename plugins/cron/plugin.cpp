#include <cleat/plugin.hpp>

#include "cron_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::cron::CronBinding>("bindings.cron"))
