#include "stream_input.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "commands.hpp"
#include "common/deliver_one.hpp"

namespace cleat::redis {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds kLongestWait = 1000ms;
constexpr std::size_t kMostAtOnce = 512;
// What one read may bring, by the entries that came before.
constexpr std::size_t kMostBytesAtOnce = std::size_t{16} << 20U;

}  // namespace

StreamInput::StreamInput(Host host, common::EventLoop& loop, const RedisConfig& config, Watcher tell)
    : host_(host),
      loop_(loop),
      config_(config),
      tell_(std::move(tell)),
      average_bytes_(kMostBytesAtOnce / kMostAtOnce) {}

void StreamInput::carry_by(std::shared_ptr<Carrier> commands, std::shared_ptr<Carrier> reader) {
  commands_ = std::move(commands);
  reader_ = std::move(reader);
}

void StreamInput::command(const std::vector<std::string_view>& words, std::function<void(const Reply&)> done,
                          std::function<void()> failed, bool settles) {
  const auto made = std::make_shared<Command>();
  made->wire = encode(words);
  made->key = config_.stream;
  if (settles) ++settling_;
  const auto is_over = [this, settles] {
    if (settles) --settling_;
    look_if_settled();
  };
  commands_->send(made, {[done = std::move(done), is_over](const Reply& reply, const Endpoint&) {
                           done(reply);
                           is_over();
                         },
                         [failed = std::move(failed), is_over](const Trouble&) {
                           if (failed) failed();
                           is_over();
                         }});
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
  if (phase_ == Phase::closed) prepare();
  if (phase_ == Phase::live) claim_at(Clock::now());
  pump();
}

void StreamInput::set_window(const Window& window) {
  window_ = window;
  deliver_backlog();
  pump();
}

void StreamInput::end(std::function<void()> done) {
  reading_ = false;
  hand_back_backlog();
  ended_ = std::move(done);
  finish_end(false);
  if (ended_) loop_.after(longest_wait() + 500ms, [this] { finish_end(true); });
}

void StreamInput::hand_back_backlog() {
  Ids ids;
  const Clock::time_point now = Clock::now();
  for (const StreamEntry& entry : std::exchange(backlog_, {})) {
    known_.erase(entry.id);
    if (entry.lease_until > now) ids.push_back(entry.id);
  }
  give_back(std::move(ids), 0ms);
}

void StreamInput::finish_end(bool at_once) {
  if (ended_ && (at_once || (!read_is_out_ && counting_ == 0))) std::exchange(ended_, nullptr)();
}

void StreamInput::came_up() {
  send_acks();
  renew();
  if (!reading_) return;
  if (phase_ == Phase::closed) prepare();
  pump();
}

std::size_t StreamInput::room() const {
  const std::size_t taken = out_.size() + backlog_.size() + counting_;
  return taken < window_.max_events ? window_.max_events - taken : 0;
}

std::size_t StreamInput::how_many() const {
  const std::size_t by_bytes = std::max<std::size_t>(kMostBytesAtOnce / average_bytes_, 1);
  return std::min({room(), kMostAtOnce, by_bytes});
}

/// Less than what is left of a lease when it is to be renewed: it is counted from when a read was sent.
milliseconds StreamInput::longest_wait() const {
  return std::min(kLongestWait, config_.min_idle / 4);
}

void StreamInput::pump() {
  if (!reading_ || read_is_out_ || counting_ != 0 || !backlog_.empty() || room() == 0) return;
  if (phase_ == Phase::own_pending || phase_ == Phase::live) read();
}

/// What is ours already, or what nobody has had.
void StreamInput::read() {
  const bool is_live = phase_ == Phase::live;
  const std::string count = std::to_string(how_many()), wait = std::to_string(longest_wait().count());
  std::vector<std::string_view> words{"XREADGROUP", "GROUP", config_.group, config_.consumer, "COUNT", count};
  if (is_live) words.insert(words.end(), {"BLOCK", wait});
  words.insert(words.end(), {"STREAMS", config_.stream, is_live ? std::string_view(">") : own_cursor_});
  const auto made = std::make_shared<Command>();
  made->wire = encode(words);
  made->key = config_.stream;
  if (is_live && config_.answer_within.count() != 0) made->patience = config_.answer_within + longest_wait();
  read_is_out_ = true;
  reader_->send(made, {[this, is_live, sent_at = Clock::now()](const Reply& reply, const Endpoint&) {
                         read_done(reply, is_live, sent_at);
                       },
                       [this](const Trouble&) { read_failed(); }});
}

/// Reading goes on when a connection is there again.
void StreamInput::read_failed() {
  read_is_out_ = false;
  if (phase_ == Phase::live) read_own_pending_next();
  finish_end(false);
}

/// What is ours from before this process; after a read whose answer was lost what that may have brought, which is newer
/// than all that arrived.
void StreamInput::read_own_pending_next() {
  phase_ = Phase::own_pending;
  if (!last_live_id_.empty()) own_cursor_ = last_live_id_;
}

/// [[stream, [[id, [field, value, ...]], ...]]], or nothing.
void StreamInput::read_done(const Reply& reply, bool is_live, Clock::time_point sent_at) {
  read_is_out_ = false;
  if (reply.is_error()) {
    finish_end(false);
    complain("the stream cannot be read", reply.text());
    prepare_later("the stream cannot be read: " + std::string(reply.text()));
    return;
  }
  tell_(CLEAT_HEALTH_UP, "");
  const Reply entries = reply.at(0).at(1);
  if (entries.size() != 0) {
    std::string& last = is_live ? last_live_id_ : own_cursor_;
    last = entries.at(entries.size() - 1).at(0).text();
  } else if (!is_live) {
    phase_ = Phase::live;
    last_complaint_.clear();
    claim();
  }
  take_entries(entries, is_live ? nullptr : reader_.get(), sent_at);
  finish_end(false);
  deliver_backlog();
  pump();
}

void StreamInput::take_entries(const Reply& entries, Carrier* count_by, Clock::time_point sent_at) {
  std::vector<StreamEntry> taken;
  Ids lost, unwanted;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Reply raw = entries.at(i), fields = raw.at(1);
    StreamEntry entry;
    entry.id = raw.at(0).text();
    entry.lease_until = sent_at + config_.min_idle;
    if (entry.id.empty() || known_.count(entry.id) != 0) continue;
    if (fields.kind() != Reply::Kind::array) {
      lost.push_back(entry.id);
    } else if (!reading_) {
      unwanted.push_back(entry.id);
    } else {
      for (std::size_t f = 0; f + 1 < fields.size(); f += 2)
        entry.fields.emplace_back(fields.at(f).text(), fields.at(f + 1).text());
      average_bytes_ = std::max<std::size_t>((average_bytes_ * 7 + entry.bytes()) / 8, 1);
      known_.insert(entry.id);
      taken.push_back(std::move(entry));
    }
  }
  count_lost(lost);
  acknowledge(std::move(lost));
  give_back(std::move(unwanted), 0ms);
  if (!taken.empty()) lease_ends_at(taken.front().lease_until);
  if (count_by != nullptr && !taken.empty()) {
    count_deliveries(std::move(taken), *count_by);
  } else {
    std::move(taken.begin(), taken.end(), std::back_inserter(backlog_));
  }
}

/// Asks how often these entries have been given out, on the connection that brought them: it was there just now. They are delivered when that is known, or cannot be known.
void StreamInput::count_deliveries(std::vector<StreamEntry> entries, Carrier& by) {
  const auto held = std::make_shared<std::vector<StreamEntry>>(std::move(entries));
  counting_ += held->size();
  const auto go_on = [this, held](const Reply& reply) {
    std::unordered_map<std::string_view, std::int64_t> counts;
    for (std::size_t i = 0; i < reply.size(); ++i)
      counts[reply.at(i).at(0).text()] = reply.at(i).at(3).integer();
    for (StreamEntry& entry : *held) {
      const auto found = counts.find(entry.id);
      entry.delivery_count = found != counts.end() ? static_cast<std::uint32_t>(found->second) : 0;
    }
    counting_ -= held->size();
    std::move(held->begin(), held->end(), std::back_inserter(backlog_));
    if (!reading_) hand_back_backlog();
    finish_end(false);
    deliver_backlog();
    pump();
  };
  const auto made = std::make_shared<Command>();
  made->wire = encode({"XPENDING", config_.stream, config_.group, held->front().id, held->back().id, "10000",
                       config_.consumer});
  made->key = config_.stream;
  by.send(made, {[go_on](const Reply& reply, const Endpoint&) { go_on(reply); },
                 [go_on](const Trouble&) { go_on(Reply()); }});
}

void StreamInput::deliver_backlog() {
  while (reading_ && !backlog_.empty() && deliver(backlog_.front()))
    backlog_.pop_front();
}

/// False: the host takes no more for now.
bool StreamInput::deliver(const StreamEntry& entry) {
  EntryContent content = content_of(entry, config_.data_field);
  std::vector<cleat_kv> metadata{{str("stream"), str(config_.stream)}, {str("entryId"), str(entry.id)}};
  for (const auto& [name, value] : content.metadata)
    metadata.push_back({str(name), str(value)});
  const std::string source_id = config_.stream + "@" + entry.id;
  cleat_event event{};
  event.struct_size = sizeof event;
  event.id = last_event_ + 1;
  event.first_seen_wall_ns = added_at_ns(entry.id);
  event.delivery_count = entry.delivery_count;
  event.data = Buffer::of(std::move(content.data)).take();
  if (content.is_json) event.content_type = str("application/json");
  event.source_id = str(source_id);
  event.metadata = {metadata.data(), metadata.size()};
  event.traceparent = str(content.traceparent);
  event.tracestate = str(content.tracestate);
  event.baggage = str(content.baggage);
  const cleat_status status = common::deliver_one(host_, event);
  if (status == CLEAT_OK) {
    out_[++last_event_] = {entry.id, entry.lease_until, false};
    lease_ends_at(entry.lease_until);
    return true;
  }
  if (status != CLEAT_INVALID) return false;
  // The log of the host says what is wrong with it. It stays pending, and is tried again when it has been idle.
  ++last_event_;
  known_.erase(entry.id);
  return true;
}

/// A sign of life also while nothing can be read: it is an answer of the server, so it says that this thread and that
/// server both work.
void StreamInput::look_alive() {
  if (alive_timer_ != 0) return;
  alive_timer_ = loop_.after(3s, [this] {
    alive_timer_ = 0;
    if (!reading_) return;
    const bool is_prepared = phase_ == Phase::own_pending || phase_ == Phase::live;
    if (!read_is_out_ && is_prepared)
      command({"XLEN", config_.stream}, [this](const Reply& reply) {
        // Who may not ask is answered all the same.
        const bool is_well = !reply.is_error() || meaning_of(reply.text()).status == CLEAT_DENIED;
        tell_(is_well ? CLEAT_HEALTH_UP : CLEAT_HEALTH_DEGRADED, is_well ? "" : std::string(reply.text()));
      });
    pump();
    look_alive();
  });
}

}  // namespace cleat::redis
