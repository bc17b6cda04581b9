#include <cleat/plugin.hpp>

#include "sns_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::sns::SnsBinding>("bindings.aws.sns"))
