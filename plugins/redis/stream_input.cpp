#include "stream_input.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "commands.hpp"
#include "common/json_text.hpp"

namespace cleat::redis {
namespace {

using namespace std::chrono_literals;

constexpr auto kBlock = 1000ms;
constexpr std::size_t kMostAtOnce = 512;

std::uint64_t wall_ns_of(const std::string& id) {
  std::uint64_t ms = 0;
  std::from_chars(id.data(), id.data() + id.size(), ms);
  return ms * 1'000'000;
}

}  // namespace

StreamInput::StreamInput(Host host, common::EventLoop& loop, const RedisConfig& config)
    : host_(host), loop_(loop), config_(config) {}

void StreamInput::carry_by(std::shared_ptr<Carrier> commands, std::shared_ptr<Carrier> reader) {
  commands_ = std::move(commands);
  reader_ = std::move(reader);
}

void StreamInput::command(std::vector<std::string_view> words, std::function<void(const Reply&)> done,
                          std::function<void(const Trouble&)> failed, bool settles) {
  auto made = std::make_shared<Command>();
  made->wire = encode(words);
  made->key = config_.stream;
  if (settles) ++settling_;
  const auto is_over = [this, settles] {
    if (settles && --settling_ == 0 && settled_) std::exchange(settled_, nullptr)();
  };
  made->done = [done = std::move(done), is_over](const Reply& reply, const Endpoint&) {
    done(reply);
    is_over();
  };
  made->failed = [failed = std::move(failed), is_over](const Trouble& trouble) {
    if (failed) failed(trouble);
    is_over();
  };
  commands_->send(std::move(made));
}

/// Once for each different sentence.
void StreamInput::complain(const std::string& what, std::string_view error) {
  std::string text = what + ": " + std::string(error);
  if (text == last_complaint_) return;
  host_.log(CLEAT_LOG_WARN, text, {{"stream", config_.stream}, {"consumerGroup", config_.group}});
  last_complaint_ = std::move(text);
}

void StreamInput::begin(const Window& window) {
  window_ = window;
  reading_ = true;
  begin_timers();
  look_alive();
  if (phase_ == Phase::closed) {
    prepare();
  } else {
    deliver_backlog();
    pump();
  }
}

void StreamInput::set_window(const Window& window) {
  window_ = window;
  deliver_backlog();
  pump();
}

void StreamInput::end() {
  reading_ = false;
}

void StreamInput::came_up() {
  send_acks();
  if (!reading_) return;
  if (phase_ == Phase::closed) prepare();
  pump();
}

/// Makes the group, and the stream with it, if it is not there.
void StreamInput::prepare() {
  if (phase_ == Phase::preparing) return;
  phase_ = Phase::preparing;
  const auto again = [this](const std::string& why) {
    phase_ = Phase::closed;
    host_.set_health(CLEAT_HEALTH_DEGRADED, why);
    loop_.after(1s, [this] {
      if (reading_ && phase_ == Phase::closed) prepare();
    });
  };
  command(
      {"XGROUP", "CREATE", config_.stream, config_.group, config_.from_the_beginning ? "0" : "$", "MKSTREAM"},
      [this, again](const Reply& reply) {
        if (reply.is_error() && reply.text().substr(0, 9) != "BUSYGROUP") {
          complain("the consumer group cannot be made", reply.text());
          again("the consumer group cannot be made: " + std::string(reply.text()));
          return;
        }
        last_complaint_.clear();
        phase_ = Phase::own_pending;
        own_cursor_ = "0";
        pump();
      },
      [this](const Trouble&) { phase_ = Phase::closed; });
}

std::size_t StreamInput::room() const {
  const std::size_t taken = out_.size() + backlog_.size();
  return taken < window_.max_events ? window_.max_events - taken : 0;
}

bool StreamInput::is_known(const std::string& id) const {
  return known_.find(id) != known_.end();
}

void StreamInput::pump() {
  if (!reading_ || read_is_out_ || !reader_ || !backlog_.empty() || room() == 0) return;
  if (phase_ == Phase::own_pending) read_own_pending();
  if (phase_ == Phase::live) read_live();
}

void StreamInput::read_own_pending() {
  const std::string count = std::to_string(std::min(room(), kMostAtOnce));
  auto made = std::make_shared<Command>();
  made->wire = encode({"XREADGROUP", "GROUP", config_.group, config_.consumer, "COUNT", count, "STREAMS",
                       config_.stream, own_cursor_});
  made->key = config_.stream;
  made->done = [this](const Reply& reply, const Endpoint&) { read_done(reply, false); };
  made->failed = [this](const Trouble& trouble) { read_failed(trouble); };
  read_is_out_ = true;
  reader_->send(std::move(made));
}

void StreamInput::read_live() {
  const std::string count = std::to_string(std::min(room(), kMostAtOnce));
  auto made = std::make_shared<Command>();
  made->wire = encode({"XREADGROUP", "GROUP", config_.group, config_.consumer, "COUNT", count, "BLOCK",
                       std::to_string(kBlock.count()), "STREAMS", config_.stream, ">"});
  made->key = config_.stream;
  made->patience = config_.answer_within.count() == 0 ? 0ns : config_.answer_within + kBlock;
  made->done = [this](const Reply& reply, const Endpoint&) { read_done(reply, true); };
  made->failed = [this](const Trouble& trouble) { read_failed(trouble); };
  read_is_out_ = true;
  reader_->send(std::move(made));
}

/// Reading goes on when a connection is there again.
void StreamInput::read_failed(const Trouble& /*trouble*/) {
  read_is_out_ = false;
}

/// [[stream, [[id, [field, value, ...]], ...]]], or nothing.
void StreamInput::read_done(const Reply& reply, bool is_live) {
  read_is_out_ = false;
  if (reply.is_error()) {
    complain("the stream cannot be read", reply.text());
    // The group or the stream was deleted, or the server came back without them.
    const bool is_gone = reply.text().substr(0, 7) == "NOGROUP" || reply.text().substr(0, 9) == "UNBLOCKED";
    phase_ = Phase::closed;
    host_.set_health(CLEAT_HEALTH_DEGRADED, "the stream cannot be read: " + std::string(reply.text()));
    loop_.after(is_gone ? 100ms : 1000ms, [this] {
      if (reading_ && phase_ == Phase::closed) prepare();
    });
    return;
  }
  host_.set_health(CLEAT_HEALTH_UP, "");
  const Reply entries = reply.at(0).at(1);
  if (!is_live && entries.size() == 0) {
    phase_ = Phase::live;
    claim();
  }
  if (!is_live && entries.size() != 0) own_cursor_ = entries.at(entries.size() - 1).at(0).text();
  take_entries(entries, !is_live);
  deliver_backlog();
  pump();
}

void StreamInput::take_entries(const Reply& entries, bool count) {
  std::vector<Entry> taken;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Reply raw = entries.at(i), fields = raw.at(1);
    Entry entry{std::string(raw.at(0).text()), {}, 1, Clock::now()};
    if (entry.id.empty() || is_known(entry.id)) continue;
    if (fields.kind() != Reply::Kind::array) {
      lost_entry(entry.id);
      continue;
    }
    for (std::size_t f = 0; f + 1 < fields.size(); f += 2)
      entry.fields.emplace_back(fields.at(f).text(), fields.at(f + 1).text());
    known_.insert(entry.id);
    taken.push_back(std::move(entry));
  }
  if (taken.empty()) return;
  if (count) {
    count_deliveries(std::move(taken));
  } else {
    std::move(taken.begin(), taken.end(), std::back_inserter(backlog_));
  }
}

/// Asks how often these entries have been given out. They are delivered when that is known, or cannot be known.
void StreamInput::count_deliveries(std::vector<Entry> entries) {
  auto held = std::make_shared<std::vector<Entry>>(std::move(entries));
  read_is_out_ = true;
  const auto go_on = [this, held] {
    read_is_out_ = false;
    std::move(held->begin(), held->end(), std::back_inserter(backlog_));
    deliver_backlog();
    pump();
  };
  command(
      {"XPENDING", config_.stream, config_.group, held->front().id, held->back().id, "10000",
       config_.consumer},
      [held, go_on](const Reply& reply) {
        std::unordered_map<std::string_view, std::int64_t> counts;
        for (std::size_t i = 0; i < reply.size(); ++i)
          counts[reply.at(i).at(0).text()] = reply.at(i).at(3).integer();
        for (Entry& entry : *held) {
          const auto found = counts.find(entry.id);
          if (found != counts.end() && found->second > 0)
            entry.delivery_count = static_cast<std::uint32_t>(found->second);
        }
        go_on();
      },
      [go_on](const Trouble&) { go_on(); });
}

/// It was trimmed or deleted while it was pending: nobody can have it any more.
void StreamInput::lost_entry(const std::string& id) {
  ++lost_;
  host_.log(CLEAT_LOG_ERROR,
            "an entry was trimmed or deleted before it was settled, it is lost; keep the stream longer than "
            "its slowest consumer",
            {{"stream", config_.stream}, {"entryId", id}, {"lost", std::to_string(lost_)}});
  acknowledge({id});
}

void StreamInput::deliver_backlog() {
  while (reading_ && !backlog_.empty() && deliver(backlog_.front()))
    backlog_.pop_front();
}

/// False: the host takes no more for now.
bool StreamInput::deliver(const Entry& entry) {
  std::string data;
  std::vector<cleat_kv> metadata{{str("stream"), str(config_.stream)}, {str("entryId"), str(entry.id)}};
  bool has_data = false;
  std::string_view trace;
  for (const auto& [name, value] : entry.fields) {
    if (!has_data && name == config_.data_field) {
      data = value;
      has_data = true;
      continue;
    }
    if (name == "traceparent") trace = value;
    metadata.push_back({str(name), str(value)});
  }
  if (!has_data) {
    data = "{";
    for (const auto& [name, value] : entry.fields) {
      if (data.size() > 1) data += ',';
      common::append_json_string(data, name);
      data += ':';
      common::append_json_string(data, value);
    }
    data += '}';
  }
  const std::string source_id = config_.stream + "@" + entry.id;
  cleat_event event{};
  event.struct_size = sizeof event;
  event.id = last_event_ + 1;
  event.first_seen_wall_ns = wall_ns_of(entry.id);
  event.delivery_count = entry.delivery_count;
  event.data = Buffer::of(std::move(data)).take();
  if (!has_data) event.content_type = str("application/json");
  event.source_id = str(source_id);
  event.metadata = {metadata.data(), metadata.size()};
  event.traceparent = str(trace);
  cleat_event* const events[] = {&event};
  std::uint32_t accepted = 0;
  const cleat_status status = host_.deliver(events, 1, accepted);
  if (accepted == 1) {
    out_[++last_event_] = {entry.id, entry.read_at + config_.min_idle, false};
    return true;
  }
  const Buffer mine(event.data);
  if (status == CLEAT_INVALID) {
    // The log of the host says what is wrong with it; it would be the same the next time.
    ++last_event_;
    known_.erase(entry.id);
    return true;
  }
  return false;
}

/// A sign of life also while the window is full or nothing can be read.
void StreamInput::look_alive() {
  if (alive_timer_ != 0) return;
  alive_timer_ = loop_.after(3s, [this] {
    alive_timer_ = 0;
    if (!reading_) return;
    if (!read_is_out_ && phase_ == Phase::live) {
      command({"XLEN", config_.stream}, [this](const Reply& reply) {
        if (!reply.is_error()) host_.set_health(CLEAT_HEALTH_UP, "");
      });
    }
    pump();
    look_alive();
  });
}

}  // namespace cleat::redis
