#include <cleat/plugin.hpp>

#include "smtp_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::smtp::SmtpBinding>("bindings.smtp"))
