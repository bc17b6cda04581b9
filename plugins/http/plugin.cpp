#include <cleat/plugin.hpp>

#include "http_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::http::HttpBinding>("bindings.http"))
