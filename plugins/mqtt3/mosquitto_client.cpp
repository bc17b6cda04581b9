#include "mosquitto_client.hpp"

#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <mutex>
#include <new>
#include <system_error>

#include "session.hpp"

namespace cleat::mqtt {
namespace {

constexpr std::uint16_t kMostAtOnce = 65'535;

/// The library counts its users without a lock, and components start side by side. It stays for the life of the process.
void begin_library() {
  static std::once_flag once;
  std::call_once(once, [] { mosquitto_lib_init(); });
}

/// A list of the library's, which grows through its address.
class PropertyList {
 public:
  ~PropertyList() { mosquitto_property_free_all(&list_); }
  /// The library's code of the first property that it refuses, or MOSQ_ERR_SUCCESS.
  int fill(const Publication& from) {
    text(MQTT_PROP_CONTENT_TYPE, from.content_type);
    text(MQTT_PROP_RESPONSE_TOPIC, from.response_topic);
    if (!from.correlation_data.empty())
      keep(mosquitto_property_add_binary(&list_, MQTT_PROP_CORRELATION_DATA, from.correlation_data.data(),
                                         static_cast<std::uint16_t>(from.correlation_data.size())));
    if (from.expiry_s)
      keep(mosquitto_property_add_int32(&list_, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, *from.expiry_s));
    for (const auto& [name, value] : from.user)
      keep(mosquitto_property_add_string_pair(&list_, MQTT_PROP_USER_PROPERTY, name.c_str(), value.c_str()));
    return result_;
  }
  [[nodiscard]] const mosquitto_property* get() const { return list_; }

 private:
  void text(int id, const std::string& value) {
    if (!value.empty()) keep(mosquitto_property_add_string(&list_, id, value.c_str()));
  }
  void keep(int result) {
    if (result_ == MOSQ_ERR_SUCCESS) result_ = result;
  }
  mosquitto_property* list_ = nullptr;
  int result_ = MOSQ_ERR_SUCCESS;
};

std::string text_of(int result) {
  return result == MOSQ_ERR_ERRNO ? std::generic_category().message(errno)
                                  : std::string(mosquitto_strerror(result));
}

}  // namespace

struct MosquittoClient::Callbacks {
  static MosquittoClient& of(void* self) { return *static_cast<MosquittoClient*>(self); }
  static void connected(mosquitto*, void* self, int code, int /*flags*/,
                        const mosquitto_property* properties) {
    MosquittoClient& me = of(self);
    me.connack_ = code;
    if (code != 0) return;
    me.was_accepted_ = true;
    std::uint16_t most = kMostAtOnce;
    mosquitto_property_read_int16(properties, MQTT_PROP_RECEIVE_MAXIMUM, &most, false);
    me.listener_.accepted(most);
  }
  static void disconnected(mosquitto*, void* self, int code, const mosquitto_property*) {
    of(self).disconnect_ = code;
  }
  static void published(mosquitto*, void* self, int id, int code, const mosquitto_property*) {
    of(self).listener_.published(id, static_cast<std::uint8_t>(code));
  }
  static void logged(mosquitto*, void* self, int level, const char* text) {
    if (level == MOSQ_LOG_ERR) of(self).complaint_ = text;
  }
};

void MosquittoClient::Free::operator()(mosquitto* client) const {
  mosquitto_destroy(client);
}

MosquittoClient::MosquittoClient(const MqttConfig& config, const TlsContext* tls, Listener& listener)
    : config_(config), listener_(listener) {
  begin_library();
  client_.reset(mosquitto_new(config.output_id().c_str(), true, this));
  if (!client_) throw std::bad_alloc();
  mosquitto* const raw = client_.get();
  const int version = config.version == Version::v5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311;
  mosquitto_int_option(raw, MOSQ_OPT_PROTOCOL_VERSION, version);
  mosquitto_int_option(raw, MOSQ_OPT_SEND_MAXIMUM, kMostAtOnce);
  mosquitto_int_option(raw, MOSQ_OPT_TCP_NODELAY, 1);
  if (tls != nullptr) {
    mosquitto_void_option(raw, MOSQ_OPT_SSL_CTX, tls->get());
    mosquitto_int_option(raw, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
  }
  const Server& server = config.server;
  if (server.user)
    mosquitto_username_pw_set(raw, server.user->c_str(),
                              server.password ? server.password->c_str() : nullptr);
  mosquitto_connect_v5_callback_set(raw, Callbacks::connected);
  mosquitto_disconnect_v5_callback_set(raw, Callbacks::disconnected);
  mosquitto_publish_v5_callback_set(raw, Callbacks::published);
  mosquitto_log_callback_set(raw, Callbacks::logged);
}

std::optional<MosquittoClient::End> MosquittoClient::connect(const Address& address,
                                                             std::chrono::milliseconds patience) {
  const int keep_alive =
      std::max(static_cast<int>(config_.keep_alive.count()), 5);  // the library takes no less
  const int result =
      mosquitto_connect_async(client_.get(), address.text.c_str(), config_.server.port, keep_alive);
  if (result != MOSQ_ERR_SUCCESS) return end_of(result);
  const int wait = static_cast<int>(patience.count());
  ::setsockopt(fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, &wait, sizeof wait);
  return std::nullopt;
}

int MosquittoClient::fd() const {
  return mosquitto_socket(client_.get());
}

bool MosquittoClient::wants_write() const {
  return mosquitto_want_write(client_.get());
}

std::optional<MosquittoClient::End> MosquittoClient::advance(short events) {
  const bool is_broken = (events & (POLLERR | POLLHUP)) != 0;
  // Asked for before the library, which takes a refused connection for one that is still being made.
  if (is_broken && !was_accepted_) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0) {
      End end;
      end.why = "cannot connect: " + std::generic_category().message(error);
      return end;
    }
  }
  int result = MOSQ_ERR_SUCCESS;
  if (is_broken || (events & POLLIN) != 0) result = mosquitto_loop_read(client_.get(), 1);
  if (result == MOSQ_ERR_SUCCESS && (events & POLLOUT) != 0) result = mosquitto_loop_write(client_.get(), 1);
  if (result == MOSQ_ERR_SUCCESS) result = mosquitto_loop_misc(client_.get());
  if (result == MOSQ_ERR_SUCCESS && fd() >= 0 && !is_broken) return std::nullopt;
  return end_of(result == MOSQ_ERR_SUCCESS ? MOSQ_ERR_CONN_LOST : result);
}

std::optional<MosquittoClient::End> MosquittoClient::end_of(int result) {
  End end;
  if (connack_ != 0) {
    end.is_refusal = true;
    end.why = connack_text(config_.version, static_cast<std::uint8_t>(connack_));
  } else if (disconnect_ >= 0x80) {
    end.is_taken_over = disconnect_ == kSessionTakenOver;
    end.is_by_broker = was_accepted_;
    end.why = "the broker ended the connection: " +
              std::string(reason_text(static_cast<std::uint8_t>(disconnect_)));
  } else {
    end.is_by_broker = was_accepted_ && result == MOSQ_ERR_CONN_LOST;
    end.why = complaint_.empty() ? text_of(result) : complaint_;
  }
  return end;
}

std::optional<Refusal> MosquittoClient::publish(const Publication& publication, int& id) {
  PropertyList properties;
  int result = config_.version == Version::v5 ? properties.fill(publication) : MOSQ_ERR_SUCCESS;
  if (result == MOSQ_ERR_SUCCESS) {
    result = mosquitto_publish_v5(client_.get(), &id, publication.topic.c_str(),
                                  static_cast<int>(publication.payload.size()), publication.payload.data(),
                                  static_cast<int>(publication.qos), publication.retain, properties.get());
  }
  Refusal refusal{CLEAT_REMOTE, 0, "", result};
  switch (result) {
    case MOSQ_ERR_SUCCESS:
      return std::nullopt;
    case MOSQ_ERR_PAYLOAD_SIZE:
    case MOSQ_ERR_OVERSIZE_PACKET:
      refusal.status = CLEAT_TOO_LARGE;
      refusal.text = "a message of " + std::to_string(publication.payload.size()) +
                     " bytes is larger than the broker takes";
      break;
    case MOSQ_ERR_RETAIN_NOT_SUPPORTED:
      refusal.status = CLEAT_UNSUPPORTED;
      refusal.text = "retain: " + std::string(reason_text(0x9a));
      break;
    case MOSQ_ERR_QOS_NOT_SUPPORTED:
      refusal.status = CLEAT_UNSUPPORTED;
      refusal.text = "qos: " + std::string(reason_text(0x9b));
      break;
    case MOSQ_ERR_MALFORMED_UTF8:
    case MOSQ_ERR_INVAL:
      refusal.status = CLEAT_INVALID;
      refusal.text =
          "the topic or a property of the message has characters that libmosquitto does not send, such as "
          "line ends";
      break;
    case MOSQ_ERR_NO_CONN:
    case MOSQ_ERR_NOMEM:
      refusal.status = CLEAT_UNAVAILABLE;
      refusal.flags = CLEAT_RETRYABLE;
      refusal.text = "failed to publish: " + text_of(result);
      break;
    default:
      refusal.status = CLEAT_UNAVAILABLE;
      refusal.text = "failed to publish: " + text_of(result) + "; the broker may have it";
      break;
  }
  return refusal;
}

void MosquittoClient::disconnect() {
  mosquitto_disconnect(client_.get());
}

}  // namespace cleat::mqtt
