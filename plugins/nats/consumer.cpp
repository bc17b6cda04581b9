#include "consumer.hpp"

#include <algorithm>
#include <memory>

namespace cleat::nats {
namespace {

using From = ConsumerConfig::From;
using std::chrono::nanoseconds;

constexpr std::int64_t kWaitMs = 3'000;
/// For all replicas together; the server's default of 1,000 is what one host alone may hold.
constexpr std::int64_t kMaxAckPending = 10'000;
/// With backOff the server (2.9) wants a limit of deliveries: one that no message reaches.
constexpr std::int64_t kEndless = 1'000'000'000;

struct StreamDelete {
  void operator()(jsStreamInfo* info) const { jsStreamInfo_Destroy(info); }
};
using Info = std::unique_ptr<jsConsumerInfo, NatsDelete>;

std::string name_of(const ConsumerConfig& config) {
  return "consumer '" + config.durable + "' of stream '" + config.stream + "'";
}

[[noreturn]] void fail(natsStatus status, jsErrCode error, const ConsumerConfig& config) {
  const std::string name = name_of(config);
  if (error == JSStreamNotFoundErr)
    throw Error(CLEAT_NOT_FOUND,
                "stream '" + config.stream + "' is not there: make it, with the subjects to be read",
                CLEAT_RETRYABLE, error);
  if (status == NATS_NO_RESPONDERS || error == JSNotEnabledErr || error == JSNotEnabledForAccountErr)
    throw Error(CLEAT_UNAVAILABLE,
                "the NATS server offers no JetStream to this account: " + name + " cannot be read",
                CLEAT_RETRYABLE, error);
  if (status == NATS_TIMEOUT)
    throw Error(CLEAT_UNAVAILABLE,
                "no answer about " + name + ": JetStream is not ready, or this user may not ask",
                CLEAT_RETRYABLE);
  const Failure failure = failure_of(status, name + " cannot be used");
  const auto number = error != 0 ? static_cast<int>(error) : static_cast<int>(failure.native);
  throw Error(failure.status, failure.text, CLEAT_RETRYABLE, number);
}

jsDeliverPolicy policy(From from) {
  switch (from) {
    case From::last:
      return js_DeliverLast;
    case From::last_per_subject:
      return js_DeliverLastPerSubject;
    case From::new_only:
      return js_DeliverNew;
    case From::sequence:
      return js_DeliverByStartSequence;
    case From::time:
      return js_DeliverByStartTime;
    default:
      return js_DeliverAll;
  }
}

std::int64_t max_deliver(const ConsumerConfig& config) {
  const std::int64_t wanted = config.max_deliver.value_or(-1);
  return wanted == -1 && !config.back_off.empty() ? kEndless : wanted;
}

Info make(jsCtx* context, const ConsumerConfig& config) {
  jsConsumerConfig wanted;
  jsConsumerConfig_Init(&wanted);
  std::vector<std::int64_t> back_off;
  for (const nanoseconds one : config.back_off)
    back_off.push_back(one.count());
  wanted.Durable = config.durable.c_str();
  wanted.AckPolicy = js_AckExplicit;
  wanted.DeliverPolicy = policy(config.from.value_or(From::all));
  wanted.OptStartSeq = config.start_sequence;
  wanted.OptStartTime = config.start_time_ns;
  if (!config.filter.empty()) wanted.FilterSubject = config.filter.c_str();
  if (config.ack_wait) wanted.AckWait = config.ack_wait->count();
  wanted.MaxDeliver = max_deliver(config);
  wanted.MaxAckPending = config.max_ack_pending.value_or(kMaxAckPending);
  wanted.BackOff = back_off.empty() ? nullptr : back_off.data();
  wanted.BackOffLen = static_cast<int>(back_off.size());
  jsConsumerInfo* made = nullptr;
  jsErrCode error{};
  const natsStatus status = js_AddConsumer(&made, context, config.stream.c_str(), &wanted, nullptr, &error);
  if (status != NATS_OK) fail(status, error, config);
  return Info(made);
}

std::int64_t created(jsCtx* context, const ConsumerConfig& config) {
  jsStreamInfo* info = nullptr;
  jsErrCode error{};
  const natsStatus status = js_GetStreamInfo(&info, context, config.stream.c_str(), nullptr, &error);
  if (status == NATS_NOT_FOUND) error = JSStreamNotFoundErr;
  if (status != NATS_OK) fail(status, error, config);
  const std::unique_ptr<jsStreamInfo, StreamDelete> held(info);
  return info->Created;
}

/// A consumer that was made by somebody else has to be one that we can read without a loss.
void check(const jsConsumerConfig& found, const ConsumerConfig& config) {
  if (found.DeliverSubject != nullptr && *found.DeliverSubject != '\0')
    throw Error(CLEAT_CONFLICT,
                name_of(config) +
                    " is one that the server pushes to, a pull consumer is needed: name another durable");
  if (found.AckPolicy != js_AckExplicit)
    throw Error(CLEAT_CONFLICT,
                name_of(config) +
                    " has not the ack policy 'explicit', so that events could be lost: name another durable");
}

void compare(Consumer& consumer, const jsConsumerConfig& found, const ConsumerConfig& config) {
  const auto differs = [&](const char* field, const std::string& has, const std::string& wants) {
    consumer.warnings.push_back(name_of(config) + " was made with " + field + " " + has +
                                ", the component says " + wants +
                                ": what the consumer has counts, change it or delete it");
  };
  const auto compare_number = [&](const char* field, std::int64_t has,
                                  const std::optional<std::int64_t>& wants) {
    if (wants && *wants != has) differs(field, std::to_string(has), std::to_string(*wants));
  };
  const std::string filter = found.FilterSubject == nullptr ? "" : found.FilterSubject;
  if (!config.filter.empty() && filter != config.filter)
    differs("subjects", "'" + filter + "'", "'" + config.filter + "'");
  if (config.ack_wait && config.back_off.empty() && found.AckWait != config.ack_wait->count())
    differs("ackWait", std::to_string(found.AckWait / 1'000'000) + " ms",
            std::to_string(config.ack_wait->count() / 1'000'000) + " ms");
  if (config.max_deliver) compare_number("maxDeliver", found.MaxDeliver, max_deliver(config));
  compare_number("maxAckPending", found.MaxAckPending, config.max_ack_pending);
  const std::vector<nanoseconds> back_off(found.BackOff, found.BackOff + found.BackOffLen);
  if (!config.back_off.empty() && back_off != config.back_off)
    differs("backOff", "other durations", "its own");
  if (config.from && found.DeliverPolicy != policy(*config.from))
    differs("deliverPolicy", "another start", "its own");
  if (found.MaxDeliver > 0 && found.MaxDeliver < kEndless)
    consumer.warnings.push_back(
        name_of(config) + " gives a message out " + std::to_string(found.MaxDeliver) +
        " times at most (maxDeliver): after that it is lost to this component, settled or not");
}

Consumer describe(const jsConsumerConfig& found, const ConsumerConfig& config) {
  Consumer consumer;
  consumer.ack_wait = nanoseconds(found.AckWait > 0 ? found.AckWait : 30'000'000'000);
  for (int i = 0; i < found.BackOffLen; ++i)
    consumer.ack_wait = std::min(consumer.ack_wait, nanoseconds(found.BackOff[i]));
  consumer.max_ack_pending = found.MaxAckPending;
  consumer.max_batch = found.MaxRequestBatch;
  consumer.max_expires_ns = found.MaxRequestExpires;
  consumer.max_bytes = found.MaxRequestMaxBytes;
  compare(consumer, found, config);
  return consumer;
}

}  // namespace

std::string api_prefix(const std::string& domain) {
  return domain.empty() ? "$JS.API" : "$JS." + domain + ".API";
}

Consumer attach(Session& session, const ConsumerConfig& config, const std::string& domain,
                std::int64_t known_stream) {
  jsOptions options;
  jsOptions_Init(&options);
  options.Wait = kWaitMs;
  options.Domain = domain.empty() ? nullptr : domain.c_str();
  jsCtx* made = nullptr;
  if (const natsStatus status = natsConnection_JetStream(&made, session.get(), &options); status != NATS_OK)
    fail(status, {}, config);
  const std::unique_ptr<jsCtx, NatsDelete> context(made);

  const std::int64_t stream_created = created(made, config);
  jsConsumerInfo* info = nullptr;
  jsErrCode error{};
  const natsStatus status =
      js_GetConsumerInfo(&info, made, config.stream.c_str(), config.durable.c_str(), nullptr, &error);
  Info held(info);
  if (status == NATS_NOT_FOUND || error == JSConsumerNotFoundErr) {
    if (known_stream == stream_created)
      throw Error(
          CLEAT_NOT_FOUND,
          name_of(config) +
              " was deleted, and its position with it. It is not made anew unasked, because that begins at "
              "deliverPolicy: restart this component to do so, or make it yourself",
          CLEAT_RETRYABLE);
    if (!config.may_create)
      throw Error(CLEAT_NOT_FOUND, name_of(config) + " is not there, and createConsumer is false: make it",
                  CLEAT_RETRYABLE);
    held = make(made, config);
  } else if (status != NATS_OK) {
    fail(status, error, config);
  }
  check(*held->Config, config);
  Consumer consumer = describe(*held->Config, config);
  consumer.stream_created = stream_created;
  consumer.created = held->Created;
  return consumer;
}

}  // namespace cleat::nats
