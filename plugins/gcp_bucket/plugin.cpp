#include <cleat/plugin.hpp>

#include "bucket_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::bucket::BucketBinding>("bindings.gcp.bucket"))
