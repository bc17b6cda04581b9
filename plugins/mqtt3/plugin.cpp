#include <cleat/plugin.hpp>

#include "mqtt_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::mqtt::MqttBinding>("bindings.mqtt3"))
