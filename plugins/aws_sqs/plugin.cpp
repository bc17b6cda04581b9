#include <cleat/plugin.hpp>

#include "sqs_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::sqs::SqsBinding>("bindings.aws.sqs"))
