#include "message.hpp"

#include <functional>
#include <string_view>

namespace cleat::mqtt {

MessagePtr keep(const Publish& publish) {
  auto message = std::make_shared<Message>();
  message->topic = publish.topic;
  message->payload = publish.payload;
  message->qos = publish.qos;
  message->packet_id = publish.id;
  message->retained = publish.retained;
  message->duplicate = publish.duplicate;
  const Properties& properties = publish.properties;
  message->content_type = properties.content_type.value_or("");
  message->response_topic = properties.response_topic.value_or("");
  message->correlation_data = properties.correlation_data;
  message->expiry_s = properties.message_expiry;
  message->user.assign(properties.user.begin(), properties.user.end());
  const std::hash<std::string_view> hash;
  message->digest = hash(publish.payload) * 31 + hash(publish.topic);
  return message;
}

}  // namespace cleat::mqtt
