#include <cleat/plugin.hpp>

#include "s3_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::s3::S3Binding>("bindings.aws.s3"))
