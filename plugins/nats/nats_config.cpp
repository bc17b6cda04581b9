#include "nats_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "common/text.hpp"
#include "common/ttl.hpp"
#include "names.hpp"
#include "server_config.hpp"

namespace cleat::nats {
namespace {

using From = ConsumerConfig::From;
using std::chrono::nanoseconds;

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

void check(std::string_view field, std::string_view value, const std::string& fault) {
  if (!fault.empty()) refuse(field, "'" + std::string(value) + "' " + fault);
}

std::int64_t within(const Config& config, std::string_view field, std::int64_t fallback, std::int64_t least,
                    std::int64_t most) {
  const auto given = config.integer<std::int64_t>(field, fallback);
  if (given < least || given > most)
    refuse(field, "expected a number from " + std::to_string(least) + " to " + std::to_string(most) +
                      ", found " + std::to_string(given));
  return given;
}

void read_start(const Config& config, ConsumerConfig& out) {
  constexpr std::array<std::pair<std::string_view, From>, 6> kWords{
      {{"all", From::all},
       {"last", From::last},
       {"lastPerSubject", From::last_per_subject},
       {"new", From::new_only},
       {"startSequence", From::sequence},
       {"startTime", From::time}}};
  const std::string given = config.text("deliverPolicy");
  for (const auto& [word, from] : kWords) {
    if (given == word) out.from = from;
  }
  const std::string time = config.text("startTime");
  out.start_sequence = static_cast<std::uint64_t>(
      within(config, "startSequence", 0, 0, std::numeric_limits<std::int64_t>::max()));
  if ((out.start_sequence != 0) != (out.from == From::sequence))
    refuse("startSequence",
           "goes together with deliverPolicy startSequence, and is at least 1; give both or neither");
  if (time.empty() == (out.from == From::time))
    refuse("startTime", "goes together with deliverPolicy startTime; give both or neither");
  if (time.empty()) return;
  const auto ns = parse_time(time);
  if (!ns) refuse("startTime", "expected a time like 2026-01-31T12:00:00Z, found '" + time + "'");
  out.start_time_ns = *ns;
}

void read_limits(const Config& config, ConsumerConfig& out) {
  if (config.get("ackWait")) {
    out.ack_wait = config.duration("ackWait");
    if (*out.ack_wait < nanoseconds(kNsPerSecond)) refuse("ackWait", "expected at least 1s");
  }
  if (config.get("maxDeliver")) out.max_deliver = within(config, "maxDeliver", -1, -1, 1'000'000'000);
  if (out.max_deliver == 0) refuse("maxDeliver", "expected -1 for no limit or a number from 1 on, found 0");
  if (config.get("maxAckPending")) out.max_ack_pending = within(config, "maxAckPending", 0, 1, 1'000'000'000);
  const std::string given = config.text("backOff");
  for (const std::string_view one : common::split_list(given)) {
    nanoseconds wait{0};
    try {
      wait = common::parse_ttl(one);
    } catch (const Error&) {
      refuse("backOff", "expected durations with commas between them, found '" + given + "'");
    }
    if (wait < nanoseconds(kNsPerSecond))
      refuse("backOff", "expected durations of at least 1s, found '" + given + "'");
    out.back_off.push_back(wait);
  }
  if (!out.back_off.empty() && out.max_deliver.value_or(-1) != -1 &&
      *out.max_deliver <= static_cast<std::int64_t>(out.back_off.size()))
    refuse("maxDeliver", "expected more than backOff has durations, or -1");
}

std::string default_durable(const Config& config, std::vector<std::string>& warnings) {
  std::string name(config.fact("app-id"));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !name_fault(std::string_view(&c, 1)).empty(); }, '_');
  if (name.empty()) refuse("durable", "is missing: name the consumer that keeps the position in the stream");
  warnings.push_back("durable is not set: the consumer is named after the application's id, '" + name + "'");
  return name;
}

void read_consumer(const Config& config, NatsConfig& out) {
  ConsumerConfig consumer;
  consumer.stream = config.text("stream");
  if (consumer.stream.empty()) refuse("stream", "is missing: a consumer of JetStream belongs to a stream");
  check("stream", consumer.stream, name_fault(consumer.stream));
  if (out.subjects.size() > 1)
    refuse("subjects", "expected at most one, the consumer's filter, found " +
                           std::to_string(out.subjects.size()) +
                           "; use one component for each, or a wildcard");
  if (!out.subjects.empty()) consumer.filter = out.subjects.front();
  out.subjects.clear();
  consumer.durable = config.text("durable");
  if (consumer.durable.empty()) consumer.durable = default_durable(config, out.warnings);
  check("durable", consumer.durable, name_fault(consumer.durable));
  consumer.may_create = config.boolean("createConsumer", true);
  read_start(config, consumer);
  read_limits(config, consumer);
  out.consumer = std::move(consumer);
}

void read_input(const Config& config, NatsConfig& out, bool is_jetstream) {
  const std::string given = config.text("subjects");
  for (const std::string_view one : common::split_list(given)) {
    check("subjects", one, filter_fault(one));
    out.subjects.emplace_back(one);
  }
  out.queue_group = config.text("queueGroup");
  out.max_buffered = static_cast<std::size_t>(within(config, "maxBuffered", 10'000, 1, 10'000'000));
  if (is_jetstream) {
    if (!out.queue_group.empty())
      refuse("queueGroup",
             "is for reading without JetStream; replicas of a durable consumer share it by its name");
    read_consumer(config, out);
    return;
  }
  if (!out.queue_group.empty()) check("queueGroup", out.queue_group, filter_fault(out.queue_group));
  if (!config.text("durable").empty())
    refuse("durable", "is a consumer of JetStream; name its stream in 'stream'");
  if (!out.subjects.empty())
    out.warnings.emplace_back(
        "subjects are read without JetStream: at most once, what comes while this host or its connection is "
        "away is lost. Name a "
        "'stream' to lose nothing");
}

void read_output(const Config& config, NatsConfig& out) {
  out.publish_subject = config.text("publishSubject");
  if (!out.publish_subject.empty())
    check("publishSubject", out.publish_subject, subject_fault(out.publish_subject));
  out.publish_stream = config.text("publishStream");
  if (!out.publish_stream.empty()) check("publishStream", out.publish_stream, name_fault(out.publish_stream));
  if (!out.publish_stream.empty() && !out.confirms)
    refuse("publishStream",
           "is the stream that has to store what is published, while jetstream is false; take one of the two "
           "away");
  out.max_pending = static_cast<std::size_t>(within(config, "maxPending", 10'000, 1, 10'000'000));
}

bool read_digits(std::string_view& text, std::size_t count, int& out, char after) {
  const std::size_t size = count + (after != '\0' ? 1 : 0);
  if (text.size() < size || (after != '\0' && text[count] != after)) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + count, out);
  if (error != std::errc() || end != text.data() + count || text[0] == '-') return false;
  text.remove_prefix(size);
  return true;
}

/// "Z" or "+hh:mm"; takes what is left of `text`.
bool read_offset(std::string_view text, std::int64_t& seconds) {
  if (text == "Z" || text == "z") return true;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-')) return false;
  const std::int64_t sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  int hours = 0, minutes = 0;
  if (!read_digits(text, 2, hours, ':') || !read_digits(text, 2, minutes, '\0') || hours > 23 || minutes > 59)
    return false;
  seconds = sign * (hours * 3'600 + minutes * 60);
  return true;
}

}  // namespace

std::optional<std::int64_t> parse_time(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!read_digits(text, 4, year, '-') || !read_digits(text, 2, month, '-') ||
      !read_digits(text, 2, day, 'T') || !read_digits(text, 2, hour, ':') ||
      !read_digits(text, 2, minute, ':') || !read_digits(text, 2, second, '\0'))
    return std::nullopt;
  std::int64_t fraction = 0;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    std::size_t digits = 0;
    std::int64_t unit = kNsPerSecond;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits)
      fraction += (text[digits] - '0') * (unit /= 10);
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
  }
  std::int64_t offset = 0;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  // The years are those that nanoseconds in 64 bits hold.
  if (!read_offset(text, offset) || !date.ok() || year < 1970 || year > 2261 || hour > 23 || minute > 59 ||
      second > 59)
    return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (days * 86'400 + hour * 3'600 + minute * 60 + second - offset) * kNsPerSecond + fraction;
}

NatsConfig read_config(const Config& config) {
  NatsConfig out;
  out.server = read_server(config, out.warnings);
  out.domain = config.text("domain");
  if (!out.domain.empty()) check("domain", out.domain, name_fault(out.domain));
  const bool is_jetstream = config.boolean("jetstream", !config.text("stream").empty());
  if (!is_jetstream && !config.text("stream").empty())
    refuse("jetstream", "is false while 'stream' is set; take one of the two away");
  out.confirms = config.boolean("jetstream", is_jetstream || !config.text("publishStream").empty());
  if ((config.raw().directions & CLEAT_IN) != 0) {
    // jetstream: true on its own is about what is published.
    const bool reads =
        !config.text("stream").empty() || !config.text("subjects").empty() || !config.text("durable").empty();
    read_input(config, out, is_jetstream && reads);
  }
  if ((config.raw().directions & CLEAT_OUT) != 0) read_output(config, out);
  return out;
}

}  // namespace cleat::nats
