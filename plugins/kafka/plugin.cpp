#include <cleat/plugin.hpp>

#include "kafka_binding.hpp"

CLEAT_PLUGIN("manifest.json", cleat::type<cleat::kafka::KafkaBinding>("bindings.kafka"))
