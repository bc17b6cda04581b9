#include "common/kafka/client.hpp"

#include <array>
#include <future>
#include <system_error>
#include <thread>

#include "common/kafka/errors.hpp"

namespace cleat::kafka {
namespace {

std::string join(const std::string& a, const std::string& b) {
  return a + ": " + b;
}

/// Sets every property; an optional one that this library does not know is left out. The value is not part of
/// the error: it may be a secret.
void apply(rd_kafka_conf_t* conf, const Properties& properties) {
  std::array<char, 512> text{};
  for (const Property& property : properties) {
    const auto result =
        rd_kafka_conf_set(conf, property.name.c_str(), property.value.c_str(), text.data(), text.size());
    if (result == RD_KAFKA_CONF_OK || (result == RD_KAFKA_CONF_UNKNOWN && property.optional)) continue;
    const bool secret =
        property.name.find("password") != std::string::npos || property.name.find("pem") != std::string::npos;
    throw Error(CLEAT_INVALID,
                "kafka error: librdkafka " + std::string(rd_kafka_version_str()) + " does not take " +
                    property.name +
                    (secret ? std::string(": the value cannot be used") : ": " + std::string(text.data())));
  }
}

/// Whether this version of the library takes the token is its answer: what it does not take is a failure as well.
void give_token(rd_kafka_t* handle, const BearerToken* token, const std::string& why) {
  std::array<char, 512> text{};
  if (token == nullptr) {
    rd_kafka_oauthbearer_set_token_failure(handle, why.c_str());
  } else if (rd_kafka_oauthbearer_set_token(handle, token->text.c_str(), token->expires_at_ms, "cleat",
                                            nullptr, 0, text.data(),
                                            text.size()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_oauthbearer_set_token_failure(handle, text.data());
  }
}

}  // namespace

PartitionList new_list(std::size_t size) {
  return PartitionList(rd_kafka_topic_partition_list_new(static_cast<int>(size)));
}

std::string text_of(const RdError& error) {
  return error ? rd_kafka_error_string(error.get()) : "";
}

Client::Client(rd_kafka_type_t type, Host host, HealthBoard& health, Callbacks callbacks)
    : host_(host),
      health_(&health),
      part_(type == consumer ? HealthBoard::consumer : HealthBoard::producer),
      callbacks_(std::move(callbacks)) {}

Client::~Client() {
  if (handle_ != nullptr) rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

void Client::set_callbacks(rd_kafka_conf_t* conf) {
  rd_kafka_conf_set_opaque(conf, this);
  rd_kafka_conf_set_error_cb(conf, on_error);
  rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t* rk, int, const char* facility, const char* text) {
    // The state changes are told by HealthBoard, once; the rest is for who looks for details. During
    // rd_kafka_new() there is no opaque yet.
    auto* self = rk != nullptr ? static_cast<Client*>(rd_kafka_opaque(rk)) : nullptr;
    if (self != nullptr && !self->is_silent_)
      self->host_.log(CLEAT_LOG_DEBUG, text, {{"facility", facility}});
  });
  if (callbacks_.want_token)
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(
        conf, [](rd_kafka_t*, const char*, void* self) { static_cast<Client*>(self)->ask_for_token(); });
  if (callbacks_.delivered)
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
      static_cast<Client*>(self)->callbacks_.delivered(*message);
    });
  if (callbacks_.rebalance)
    rd_kafka_conf_set_rebalance_cb(
        conf, [](rd_kafka_t*, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list, void* self) {
          static_cast<Client*>(self)->callbacks_.rebalance(what, list);
        });
  if (callbacks_.committed)
    rd_kafka_conf_set_offset_commit_cb(
        conf, [](rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* list, void* self) {
          static_cast<Client*>(self)->callbacks_.committed(error, list);
        });
}

void Client::ask_for_token() {
  callbacks_.want_token([sink = token_sink_](const BearerToken* token, const std::string& why) {
    const std::lock_guard lock(sink->mutex);
    if (sink->handle != nullptr) give_token(sink->handle, token, why);
  });
}

Client* Client::create(rd_kafka_type_t type, const Properties& properties, Host host, HealthBoard& health,
                       Callbacks callbacks) {
  ClientPtr client(new Client(type, host, health, std::move(callbacks)));
  std::unique_ptr<rd_kafka_conf_t, RdDelete> conf(rd_kafka_conf_new());
  apply(conf.get(), properties);
  client->set_callbacks(conf.get());
  // Every message leads to its topic, and from there to this object: see lend().
  if (rd_kafka_conf_get_default_topic_conf(conf.get()) == nullptr)
    rd_kafka_conf_set_default_topic_conf(conf.get(), rd_kafka_topic_conf_new());
  rd_kafka_topic_conf_set_opaque(rd_kafka_conf_get_default_topic_conf(conf.get()), client.get());
  std::array<char, 512> text{};
  client->handle_ = rd_kafka_new(type, conf.get(), text.data(), text.size());
  if (client->handle_ == nullptr)
    throw Error(CLEAT_INVALID, "kafka error: the client cannot be made: " + std::string(text.data()));
  conf.release();
  client->token_sink_->handle = client->handle_;
  return client.release();
}

void Client::release(std::chrono::steady_clock::time_point end) {
  {
    const std::lock_guard lock(token_sink_->mutex);
    token_sink_->handle = nullptr;
  }
  is_silent_ = true;  // the host's table may be gone before the handle
  if (!drop_reference()) return;
  const auto close = std::make_shared<std::packaged_task<void()>>([this] { delete this; });
  const std::future<void> closed = close->get_future();
  std::thread thread;
  try {
    if (handle_ != nullptr) thread = std::thread([close] { (*close)(); });
  } catch (const std::system_error&) {  // there is none to be had: it takes the time that it takes
  }
  if (!thread.joinable())
    (*close)();
  else if (closed.wait_until(end) == std::future_status::ready)
    thread.join();
  else
    thread.detach();
}

/// True: it was the last one.
bool Client::drop_reference() {
  return references_.fetch_sub(1, std::memory_order_acq_rel) == 1;
}

cleat_buf Client::lend(rd_kafka_message_t* message) {
  references_.fetch_add(1, std::memory_order_relaxed);
  const auto give_back = [](void* owner) {
    auto* mine = static_cast<rd_kafka_message_t*>(owner);
    auto* self = static_cast<Client*>(rd_kafka_topic_opaque(mine->rkt));
    rd_kafka_message_destroy(mine);
    if (self->drop_reference()) std::thread([self] { delete self; }).detach();
  };
  return {message->payload, message->len, give_back, message};
}

rd_kafka_message_t* Client::take_back(const cleat_buf& lent) {
  references_.fetch_sub(1, std::memory_order_relaxed);
  return static_cast<rd_kafka_message_t*>(lent.owner);
}

bool Client::probe(int timeout_ms) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_metadata(handle_, 0, nullptr, &metadata, timeout_ms);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
  rd_kafka_metadata_destroy(metadata);
  health_->set(part_, CLEAT_HEALTH_UP, "");
  return true;
}

void Client::on_error(rd_kafka_t* handle, int error, const char* reason, void* opaque) {
  auto* self = static_cast<Client*>(opaque);
  auto code = static_cast<rd_kafka_resp_err_t>(error);
  std::array<char, 512> fatal{};
  if (code == RD_KAFKA_RESP_ERR__FATAL) code = rd_kafka_fatal_error(handle, fatal.data(), fatal.size());
  const std::string text = plain_reason(fatal[0] != '\0' ? fatal.data() : reason);
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    // Says less than the failure of the last one.
    self->set_down(self->last_error_, self->last_failure_.empty() ? text : self->last_failure_);
  } else if (is_connection_error(code)) {
    self->last_error_ = code;
    self->last_failure_ = text;
    // A broker that cannot be reached is one of several, perhaps; one that does not let us in is not.
    const bool is_one = code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__RESOLVE;
    if (!is_one || self->is_down()) self->set_down(code, text);
  } else {
    self->set_health(CLEAT_HEALTH_DEGRADED, join(self->health_->service() + " reports an error", text));
  }
}

void Client::set_down(rd_kafka_resp_err_t error, const std::string& text) {
  down_status_ = classify(error).status;
  set_health(CLEAT_HEALTH_DOWN, join(health_->service() + " cannot be reached", text));
}

}  // namespace cleat::kafka
