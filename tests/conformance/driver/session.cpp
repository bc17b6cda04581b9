#include "session.hpp"

#include <sys/resource.h>

#include <charconv>
#include <cstdint>
#include <fstream>
#include <future>
#include <stdexcept>
#include <utility>

#include "base/log.hpp"
#include "config/metadata.hpp"
#include "plugin/library.hpp"

namespace cleat::conformance {
namespace {

using std::chrono::milliseconds;

/// How long this thread was ready to run and others ran instead, which is no fault of what it calls. Zero where the kernel
/// keeps no account of it.
std::chrono::nanoseconds waited_for_a_processor() {
  std::ifstream account("/proc/thread-self/schedstat");
  std::int64_t ran = 0, waited = 0;
  account >> ran >> waited;
  return std::chrono::nanoseconds(waited);
}

// How often this thread gave its processor up of its own will: for a lock, a sleep, a slow descriptor.
std::int64_t times_it_waited() {
  rusage used{};
  ::getrusage(RUSAGE_THREAD, &used);
  return used.ru_nvcsw;
}

// A [hot] function returns at once. Sanitizers and a busy machine included, this is not at once.
constexpr milliseconds kHotLimit{250};
// What never waited may have been on a machine that stood still for a while.
constexpr milliseconds kHotLimitOfWork{3000};
// The task that a control call waits for must not wait for the call.
constexpr milliseconds kTurn{2};

class ReportedLog final : public Log {
 public:
  explicit ReportedLog(Reporter& reporter) : reporter_(reporter) {}
  [[nodiscard]] bool enabled(LogLevel level) const override { return level >= LogLevel::warn; }
  void write(LogLevel level, std::string_view message, std::span<const LogField> fields) override {
    std::string text(message);
    for (const LogField& field : fields)
      text.append(" ").append(field.key).append("=").append(field.value);
    reporter_.say(Line().text("kind", "log").number("level", static_cast<int>(level)).text("text", text));
  }

 private:
  Reporter& reporter_;
};

template <class T>
T number(const std::string& word) {
  T value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size())
    throw std::invalid_argument("no number: " + word);
  return value;
}

const std::string& word(const Words& words, std::size_t at) {
  if (at >= words.size()) throw std::invalid_argument("'" + words[0] + "' lacks words");
  return words[at];
}

cleat_str str(std::string_view text) {
  return {text.data(), text.size()};
}

std::vector<cleat_kv> items_of(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::vector<cleat_kv> items;
  for (const auto& [key, value] : pairs)
    items.push_back({str(key), str(value)});
  return items;
}

cleat_window window_of(const Words& words) {
  return {sizeof(cleat_window), number<std::uint32_t>(word(words, 1)), number<std::uint64_t>(word(words, 2)),
          number<std::uint32_t>(word(words, 3)), 0};
}

std::uint64_t deadline(milliseconds limit) {
  return StrictHost::now_ns() + static_cast<std::uint64_t>(std::chrono::nanoseconds(limit).count());
}

}  // namespace

Session::~Session() {
  for (std::thread& each : blocking_)
    each.join();
}

Reply Session::run(const Words& words) {
  const std::string& verb = words.at(0);
  const auto limit = [&] { return milliseconds(number<std::int64_t>(word(words, 1))); };
  if (verb == "open") return open(word(words, 1));
  if (verb == "use") return use(word(words, 1));
  if (verb == "create") return create();
  need_instance();
  if (verb == "init") return init(false);
  if (verb == "check") return init(true);
  if (verb == "start") {
    return control([&](cleat_error* error) { return type_->start(self_, deadline(limit()), error); });
  }
  if (verb == "ping") {
    if (type_->ping == nullptr) return {CLEAT_UNSUPPORTED, "no ping in the table"};
    return control([&](cleat_error* error) { return type_->ping(self_, deadline(limit()), error); });
  }
  if (verb == "begin") return begin(words);
  if (verb == "window") {
    const cleat_window window = window_of(words);
    host_->open(window);
    hot("set_window()", [&] { type_->set_window(self_, &window); });
    return {};
  }
  if (verb == "end") {
    const Reply reply =
        control([&](cleat_error* error) { return type_->end_input(self_, deadline(limit()), error); });
    host_->shut();
    return reply;
  }
  if (verb == "invoke") return invoke(words);
  if (verb == "cancel") {
    if (type_->cancel != nullptr)
      hot("cancel()", [&] { type_->cancel(self_, number<std::uint64_t>(word(words, 1))); });
    return {};
  }
  if (verb == "settle") return settle(words);
  if (verb == "stop") return stop(limit());
  if (verb == "close") return close();
  throw std::invalid_argument("no such command: " + verb);
}

void Session::need_instance() const {
  if (self_ == nullptr) throw std::invalid_argument("there is no instance");
}

Reply Session::open(const std::string& file) {
  const std::filesystem::path path(file);
  catalogue_ = Catalogue::scan({path.parent_path()}, is_host_field);
  for (const Catalogue::Reject& reject : catalogue_->rejects()) {
    if (reject.file.filename() == path.filename()) return {CLEAT_INVALID, reject.sentence};
  }
  for (const CatalogueEntry& entry : catalogue_->entries()) {
    if (entry.file.filename() == path.filename()) entry_ = &entry;
  }
  if (entry_ == nullptr) return {CLEAT_NOT_FOUND, "no such plugin: " + file};
  ReportedLog log(reporter_);
  const auto opened = open_library(*entry_, log);
  if (!opened) return {CLEAT_INVALID, opened.error().text};
  plugin_ = opened.value();
  return {CLEAT_OK, entry_->manifest.text};
}

/// As the host does it: what the file says is checked against the manifest and defaulted.
Reply Session::use(const std::string& folder) {
  if (plugin_ == nullptr) throw std::invalid_argument("no plugin is open");
  ComponentSelection selection;
  selection.app_id = "conformance";
  const auto files = load_components({folder}, selection);
  if (!files) return {CLEAT_INVALID, files.error().text};
  if (files->components.empty()) {
    return {CLEAT_INVALID, files->warnings.empty() ? "no component in " + folder : files->warnings[0]};
  }
  const Component& component = files->components[0];
  if (catalogue_->find(component.type, &declared_) != entry_)
    return {CLEAT_NOT_FOUND, "the plugin does not offer " + component.type};
  type_ = find_type(*plugin_, declared_->type);
  const auto checked = check_metadata(component, *declared_);
  if (!checked) return {CLEAT_INVALID, checked.error().text};
  metadata_ = checked->plugin;
  directions_ = checked->host.directions;
  name_ = component.name;
  return {};
}

Reply Session::create() {
  if (type_ == nullptr) throw std::invalid_argument("no component is in use");
  host_ = std::make_unique<StrictHost>(reporter_);
  void* made = nullptr;
  const Reply reply =
      control([&](cleat_error* error) { return type_->create(host_->table(), &made, error); });
  self_ = made;
  return reply;
}

Reply Session::init(bool check_only) {
  const std::vector<cleat_kv> metadata = items_of(metadata_);
  const std::vector<std::pair<std::string, std::string>> known{
      {"app-id", "conformance"}, {"host-id", "conformance-0"}, {"invoke-timeout-ns", "60000000000"}};
  const std::vector<cleat_kv> facts = items_of(known);
  cleat_config config{};
  config.struct_size = sizeof config;
  config.flags = check_only ? CLEAT_CHECK_ONLY : 0;
  config.directions = directions_;
  config.shards = 1;
  config.component = str(name_);
  config.type = str(declared_->type);
  config.version = str(declared_->version);
  config.metadata = {metadata.data(), metadata.size()};
  config.facts = {facts.data(), facts.size()};
  return control([&](cleat_error* error) { return type_->init(self_, &config, error); });
}

Reply Session::stop(milliseconds limit) {
  for (std::thread& each : blocking_)
    each.join();
  blocking_.clear();
  host_->stopping();
  const Reply reply = control([&](cleat_error* error) { return type_->stop(self_, deadline(limit), error); });
  host_->stopped();
  return reply;
}

Reply Session::close() {
  type_->close(std::exchange(self_, nullptr));
  host_.reset();
  return {};
}

Reply Session::begin(const Words& words) {
  const cleat_window window = window_of(words);
  host_->open(window);
  return control([&](cleat_error* error) { return type_->begin_input(self_, &window, error); });
}

/// invoke ID OPERATION LIMIT_MS DATA [KEY VALUE]...
Reply Session::invoke(const Words& words) {
  auto call = std::make_unique<PendingCall>();
  call->id = number<std::uint64_t>(word(words, 1));
  call->operation = word(words, 2);
  call->data = word(words, 4);
  for (std::size_t at = 5; at < words.size(); at += 2)
    call->metadata.emplace_back(words[at], word(words, at + 1));
  call->items = items_of(call->metadata);
  call->began_ns = StrictHost::now_ns();
  cleat_request& request = call->request;
  request.struct_size = sizeof request;
  request.call_id = call->id;
  request.deadline_ns = deadline(milliseconds(number<std::int64_t>(word(words, 3))));
  request.operation = str(call->operation);
  request.metadata = {call->items.data(), call->items.size()};
  request.data = call->data.data();
  request.data_len = call->data.size();
  const cleat_request* raw = nullptr;
  cleat_call* token = host_->begin_call(std::move(call), &raw);
  if (declared_->blocking) {
    blocking_.emplace_back([this, raw, token] { type_->invoke(self_, raw, token); });
  } else {
    hot("invoke()", [&] { type_->invoke(self_, raw, token); });
  }
  return {};
}

/// settle VERDICT AFTER_MS FLAGS ID...
Reply Session::settle(const Words& words) {
  std::vector<std::uint64_t> ids;
  for (std::size_t at = 4; at < words.size(); ++at)
    ids.push_back(number<std::uint64_t>(words[at]));
  const auto items =
      host_->settlements(number<std::int32_t>(word(words, 1)), number<std::uint32_t>(word(words, 2)),
                         number<std::uint32_t>(word(words, 3)), ids);
  settle(items);
  return {CLEAT_OK, std::to_string(items.size())};
}

void Session::settle(const std::vector<cleat_settlement>& items) {
  if (items.empty()) return;
  std::vector<const cleat_settlement*> pointers;
  for (const cleat_settlement& one : items)
    pointers.push_back(&one);
  hot("settle()",
      [&] { type_->settle(self_, pointers.data(), static_cast<std::uint32_t>(pointers.size())); });
}

std::optional<std::uint64_t> Session::idle() {
  if (self_ == nullptr) return std::nullopt;
  const std::vector<cleat_settlement> items = host_->withdrawn();
  for (const cleat_settlement& one : items) {
    reporter_.say(Line().text("kind", "withdrawn").number("id", static_cast<std::int64_t>(one.event_id)));
  }
  settle(items);
  return host_->run_due();
}

Reply Session::control(const std::function<cleat_status(cleat_error*)>& call) {
  std::string text(1024, '\0');
  cleat_error error{};
  error.struct_size = sizeof error;
  error.text = text.data();
  error.text_cap = text.size();
  std::future<cleat_status> running = std::async(std::launch::async, call, &error);
  while (running.wait_for(kTurn) != std::future_status::ready)
    idle();
  const cleat_status status = running.get();
  if (error.text_len > text.size()) {
    reporter_.violation("an error's text_len is beyond its text_cap");
    error.text_len = text.size();
  }
  if (status != CLEAT_OK && error.text_len == 0)
    reporter_.violation("a [control] function failed without a word");
  return {status, text.substr(0, error.text_len)};
}

void Session::hot(std::string_view function, const std::function<void()>& call) {
  const auto began = std::chrono::steady_clock::now();
  const std::chrono::nanoseconds kept_waiting = waited_for_a_processor();
  const std::int64_t waits = times_it_waited();
  call();
  const milliseconds limit = times_it_waited() == waits ? kHotLimitOfWork : kHotLimit;
  const auto took = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began -
                                                             (waited_for_a_processor() - kept_waiting));
  if (took > limit) {
    reporter_.violation(std::string(function) + ", a [hot] function, took " + std::to_string(took.count()) +
                        " ms");
  }
}

}  // namespace cleat::conformance
