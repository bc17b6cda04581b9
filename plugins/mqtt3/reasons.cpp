#include "session.hpp"

namespace cleat::mqtt {

std::string_view reason_text(std::uint8_t code) {
  switch (code) {
    case 0x00:
      return "a normal end";
    case 0x80:
      return "it does not say why";
    case 0x81:
      return "a packet of ours is malformed";
    case 0x82:
      return "we broke the protocol";
    case 0x83:
      return "an error of its own implementation";
    case 0x84:
      return "it does not speak this version of MQTT; see protocolVersion";
    case 0x85:
      return "it does not take this client id; see consumerID";
    case 0x86:
      return "bad user name or password";
    case 0x87:
      return "not authorized";
    case 0x88:
      return "the server is unavailable";
    case 0x89:
      return "the server is busy";
    case 0x8a:
      return "this client is banned";
    case 0x8b:
      return "the server is shutting down";
    case 0x8c:
      return "bad authentication method";
    case 0x8d:
      return "it heard nothing of us for too long";
    case 0x8e:
      return "the session was taken over";
    case 0x8f:
      return "the topic filter is invalid";
    case 0x90:
      return "the topic name is invalid";
    case 0x93:
      return "its receive maximum was exceeded";
    case 0x95:
      return "the packet is too large";
    case 0x96:
      return "the message rate is too high";
    case 0x97:
      return "a quota is used up";
    case 0x98:
      return "administrative action";
    case 0x99:
      return "the payload format is invalid";
    case 0x9a:
      return "it keeps no retained messages";
    case 0x9b:
      return "it does not offer this MQTT QoS";
    case 0x9c:
      return "use another server";
    case 0x9d:
      return "the server has moved";
    case 0x9e:
      return "it offers no shared subscriptions";
    case 0x9f:
      return "the connection rate is too high";
    case 0xa0:
      return "the longest time of a connection is over";
    case 0xa2:
      return "it offers no wildcards in subscriptions";
    default:
      return "a reason that is not known here";
  }
}

std::string connack_text(Version version, std::uint8_t code) {
  std::string_view why = reason_text(code);
  if (version == Version::v3_1_1) {
    switch (code) {
      case 1:
        why = reason_text(0x84);
        break;
      case 2:
        why = reason_text(0x85);
        break;
      case 3:
        why = reason_text(0x88);
        break;
      case 4:
        why = reason_text(0x86);
        break;
      case 5:
        why = reason_text(0x87);
        break;
      default:
        break;
    }
  }
  return "the broker refuses the connection: " + std::string(why);
}

}  // namespace cleat::mqtt
