#include "delivery/reply_outputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/json.hpp"

namespace cleat {
namespace {

constexpr std::string_view kOperation = "create";
constexpr std::size_t kMaxNamesTold = 64;
constexpr std::uint64_t kEveryFailureUpTo = 1024;

struct Wish {
  std::vector<std::string> to;
  std::string data = "null";
  bool parallel = false;
};

/// Whether a failure of this number is told: the 1st, 2nd, 4th and so on, later each 1024th.
bool is_told(std::uint64_t number) {
  return number < kEveryFailureUpTo ? (number & (number - 1)) == 0 : number % kEveryFailureUpTo == 0;
}

}  // namespace

struct ReplyOutputs::State : std::enable_shared_from_this<ReplyOutputs::State> {
  /// Outputs that are called one after the other.
  struct Sequence {
    Wish wish;
    std::string event;
    std::size_t next = 0;
    bool in_call = false;    ///< its call has not returned
    bool went_well = false;  ///< the call that ended inside itself
    bool ended = false;
  };

  State(const ReplyOutputsOptions& given, std::uint32_t home_shard, OutputFinder finder, Log& out)
      : options(given), shard(home_shard), find(std::move(finder)), log(out) {}

  std::optional<Wish> read(std::string_view body, std::string_view event);
  bool read_names(json::Slice to, Wish& wish);
  void begin(Wish&& wish, std::string_view event);
  void go_on(const std::shared_ptr<Sequence>& sequence);
  /// `done` is told whether it went well.
  void call(const std::string& name, std::string data, std::string_view event,
            UniqueFunction<void(bool)> done);
  [[nodiscard]] bool is_allowed(const std::string& name);
  void fail(std::uint64_t calls, std::string_view output, std::string_view event, std::string_view why);
  void tell_if_idle();

  const ReplyOutputsOptions options;
  const std::uint32_t shard;
  const OutputFinder find;
  Log& log;
  json::Reader reader;

  std::uint32_t running = 0;
  std::uint64_t failed = 0;
  std::uint64_t faults = 0;  ///< times that something was to be told
  std::set<std::string, std::less<>> refused_names;
  bool told_state = false;
  bool closed = false;
  std::vector<Task> idle;
};

/// Nothing: the body asks for no output.
std::optional<Wish> ReplyOutputs::State::read(std::string_view body, std::string_view event) {
  const auto members = reader.read_object(body);
  if (!members) return std::nullopt;
  Wish wish;
  std::optional<json::Slice> to;
  for (const json::Member& member : *members) {
    if (member.key == "to" && member.value.kind != json::Kind::null) {
      to = member.value;
    } else if (member.key == "data") {
      wish.data.clear();
      json::append_minified(wish.data, member.value.raw);
    } else if (member.key == "concurrency") {
      wish.parallel = member.value.raw == R"("parallel")";
    } else if ((member.key == "state" || member.key == "storeName") && !told_state) {
      told_state = true;
      log.warn("an answer asks to save state ('state', 'storeName'), which is not served: it is ignored",
               {{"component", options.component}, {"event", event}});
    }
  }
  if (!to) return std::nullopt;
  if (!read_names(*to, wish)) {
    fail(1, "", event, "expected 'to' to be a list of names of output bindings, found another kind of value");
    return std::nullopt;
  }
  return wish;
}

bool ReplyOutputs::State::read_names(json::Slice to, Wish& wish) {
  if (to.kind != json::Kind::array) return false;
  const auto names = reader.elements(to);
  if (!names) return false;
  for (const json::Slice& name : *names) {
    if (name.kind != json::Kind::string) return false;
    auto text = reader.text_of(name);
    if (!text) return false;
    wish.to.push_back(std::move(*text));
  }
  return true;
}

void ReplyOutputs::State::begin(Wish&& wish, std::string_view event) {
  const std::size_t at_once = wish.parallel ? wish.to.size() : std::min<std::size_t>(wish.to.size(), 1);
  if (running + at_once > options.max_running || wish.to.size() > options.max_running) {
    return fail(wish.to.size(), "", event,
                fmt::format("{} calls of answers run, with the {} of this one there would be more than {}",
                            running, wish.to.size(), options.max_running));
  }
  if (wish.parallel) {
    for (const std::string& name : wish.to)
      call(name, wish.data, event, [](bool) {});
    return;
  }
  auto sequence = std::make_shared<Sequence>();
  sequence->wish = std::move(wish);
  sequence->event = event;
  go_on(sequence);
}

// A call may end inside itself, and then the loop goes on instead of one more frame on the stack.
void ReplyOutputs::State::go_on(const std::shared_ptr<Sequence>& sequence) {
  while (!closed && sequence->next < sequence->wish.to.size()) {
    const std::string& name = sequence->wish.to[sequence->next++];
    sequence->in_call = true;
    sequence->ended = false;
    call(name, sequence->wish.data, sequence->event, [self = shared_from_this(), sequence](bool well) {
      sequence->ended = true;
      sequence->went_well = well;
      if (!sequence->in_call && well) self->go_on(sequence);
    });
    sequence->in_call = false;
    if (!sequence->ended || !sequence->went_well) return;
  }
}

void ReplyOutputs::State::call(const std::string& name, std::string data, std::string_view event,
                               UniqueFunction<void(bool)> done) {
  if (!is_allowed(name)) return done(false);
  std::string why;
  OutputPort* const port = find(name, kOperation, why);
  if (port == nullptr) {
    fail(1, name, event, why);
    return done(false);
  }
  OutputRequest request;
  request.operation = kOperation;
  request.content_type = "application/json";
  request.data = std::move(data);
  ++running;
  port->invoke(std::move(request), shard,
               [self = shared_from_this(), name, event = std::string(event),
                done = std::move(done)](OutputResult&& result) mutable {
                 const bool well = result.status == CLEAT_OK;
                 if (!well)
                   self->fail(1, name, event,
                              result.error.empty() ? status_name(result.status) : result.error);
                 --self->running;
                 done(well);
                 self->tell_if_idle();
               });
}

bool ReplyOutputs::State::is_allowed(const std::string& name) {
  if (std::find(options.allowed.begin(), options.allowed.end(), name) != options.allowed.end()) return true;
  ++failed;
  if (refused_names.size() >= kMaxNamesTold || !refused_names.insert(name).second) return false;
  log.warn(
      "an answer names an output that it may not call: it is not called; replyOutputsAllowed names those "
      "that may be",
      {{"component", options.component}, {"output", name}});
  return false;
}

void ReplyOutputs::State::fail(std::uint64_t calls, std::string_view output, std::string_view event,
                               std::string_view why) {
  failed += calls;
  const std::string total = fmt::format("{}", failed);
  log.write(is_told(++faults) ? LogLevel::warn : LogLevel::debug,
            "an output that an answer asked for was not called well; the event is acknowledged all the same",
            {{"component", options.component},
             {"event", event},
             {"output", output},
             {"error", why},
             {"failed_calls", total}});
}

void ReplyOutputs::State::tell_if_idle() {
  if (running != 0) return;
  std::vector<Task> tasks = std::move(idle);
  idle.clear();
  for (Task& task : tasks)
    task();
}

ReplyOutputs::ReplyOutputs(ReplyOutputsOptions options, std::uint32_t shard, OutputFinder find, Log& log)
    : options_(std::move(options)), state_(std::make_shared<State>(options_, shard, std::move(find), log)) {}

ReplyOutputs::~ReplyOutputs() {
  state_->closed = true;
  state_->idle.clear();
}

void ReplyOutputs::run(std::string_view body, std::string_view event) {
  if (!options_.on) return;
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || body[first] != '{') return;
  const std::shared_ptr<State> state = state_;
  if (auto wish = state->read(body, event)) state->begin(std::move(*wish), event);
}

std::uint32_t ReplyOutputs::running() const {
  return state_->running;
}

std::uint64_t ReplyOutputs::failed() const {
  return state_->failed;
}

void ReplyOutputs::when_idle(Task idle) {
  if (state_->running == 0) return idle();
  state_->idle.push_back(std::move(idle));
}

}  // namespace cleat
