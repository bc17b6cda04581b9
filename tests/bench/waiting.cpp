// What an event costs in memory while it waits for an application that never answers: 100,000 events of a
// source with 8 partitions in a real Dispatcher. Prints the heap's bytes for each, less the event's own (data
// and text). With --bare the same bytes in two plain allocations each, which is the floor.
#include <malloc.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "args.hpp"
#include "base/log.hpp"
#include "base/loop.hpp"
#include "delivery/dispatcher.hpp"

namespace cleat::bench {
namespace {

constexpr std::uint64_t kLanes = 8;
constexpr std::size_t kDataBytes = 100;
constexpr std::size_t kAtATime = 100;  ///< as a plugin delivers them

class SilentLog final : public Log {
 public:
  [[nodiscard]] bool enabled(LogLevel) const override { return false; }
  void write(LogLevel, std::string_view, std::span<const LogField>) override {}
};

/// No timer fires and no time passes.
class StillLoop final : public Loop {
 public:
  void post(Task) override {}
  [[nodiscard]] std::uint64_t now_ns() const override { return kSecond; }
  [[nodiscard]] bool is_current() const override { return true; }
  void arm(Timer&, std::uint64_t) override {}
};

class MuteApplication final : public Application {
 public:
  void post(Event&, AnswerHandler&) override {}
  void post(Batch&, AnswerHandler&) override {}
  [[nodiscard]] bool recall(Event&) override { return false; }
  [[nodiscard]] bool recall(Batch&) override { return false; }
  [[nodiscard]] bool is_sent(Event&) const override { return true; }
  [[nodiscard]] bool is_sent(Batch&) const override { return true; }
  void abort(Event&) override {}
  void abort(Batch&) override {}
  void probe(std::uint64_t, UniqueFunction<void(const Answer&)>) override {}
};

class NoPort final : public InputPort {
 public:
  void settle(std::span<Settlement>) override {}
  void set_window(const Window&) override {}
};

cleat_str str(std::string_view text) {
  return {text.data(), text.size()};
}

/// The n-th event as a plugin hands it over, its text borrowed until the next one.
class Source {
 public:
  const cleat_event& make(std::uint64_t number) {
    std::snprintf(id_.data(), id_.size(), "orders/%llu@%015llu",
                  static_cast<unsigned long long>(number % kLanes), static_cast<unsigned long long>(number));
    event_.struct_size = sizeof event_;
    event_.id = number + 1;
    event_.lane = number % kLanes + 1;
    event_.source_id = str(id_.data());
    event_.content_type = str("application/json");
    event_.metadata = {entries_.data(), entries_.size()};
    void* const data = std::malloc(kDataBytes);
    if (data != nullptr) std::memset(data, 'x', kDataBytes);
    event_.data = {data, kDataBytes, [](void* owner) { std::free(owner); }, data};
    return event_;
  }

 private:
  std::array<char, 32> id_{};
  std::array<cleat_kv, 3> entries_{{{str("__topic"), str("orders")},
                                    {str("__partition"), str("3")},
                                    {str("tenant"), str("north-west-17")}}};
  cleat_event event_{};
};

/// Text in one allocation, data in its own, and nothing else.
struct Bare {
  std::unique_ptr<char[]> text;
  Buffer data;
};

struct Measured {
  std::size_t heap = 0;  ///< in use, the allocator's own share included
  std::size_t own = 0;
};

std::size_t heap_in_use() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

Measured measure_bare(std::uint64_t count) {
  Source source;
  const std::size_t before = heap_in_use();
  Measured measured;
  std::vector<Bare> all;
  all.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const cleat_event& event = source.make(i);
    const std::size_t text = Event::text_bytes(event);
    measured.own += text + event.data.len;
    all.push_back({std::make_unique<char[]>(text), Buffer(event.data)});
  }
  measured.heap = heap_in_use() - before;
  return measured;
}

Measured measure_host(std::uint64_t count) {
  SilentLog log;
  StillLoop loop;
  MuteApplication application;
  NoPort port;
  DispatcherOptions options;
  options.component = "orders";
  Dispatcher dispatcher(
      std::move(options), loop, application, port,
      [](std::string_view, std::string_view, std::string&) -> OutputPort* { return nullptr; }, log, 1);
  Source source;
  const std::size_t before = heap_in_use();
  Measured measured;
  for (std::uint64_t i = 0; i < count;) {
    std::vector<EventPtr> events;
    for (std::size_t n = 0; n < kAtATime && i < count; ++n, ++i) {
      const cleat_event& event = source.make(i);
      const std::size_t text = Event::text_bytes(event);
      measured.own += text + event.data.len;
      events.push_back(Event::accept(event, text));
    }
    dispatcher.on_events(std::move(events));
  }
  const DeliveryView view = dispatcher.view();
  if (view.in_flight != kLanes || view.waiting != count - kLanes) {
    std::fprintf(stderr, "%u events are in flight and %u wait, expected %llu and the rest of %llu\n",
                 view.in_flight, view.waiting, static_cast<unsigned long long>(kLanes),
                 static_cast<unsigned long long>(count));
    std::exit(1);
  }
  measured.heap = heap_in_use() - before;
  return measured;
}

}  // namespace
}  // namespace cleat::bench

int main(int argc, char** argv) {
  using namespace cleat::bench;
  const Args args(argc, argv);
  const auto count = static_cast<std::uint64_t>(args.number("events", 100'000));
  const Measured measured = args.text("bare").empty() ? measure_host(count) : measure_bare(count);
  const auto events = static_cast<double>(count);
  std::printf(R"({"own_bytes":%.1f,"overhead_bytes":%.1f})"
              "\n",
              static_cast<double>(measured.own) / events,
              (static_cast<double>(measured.heap) - static_cast<double>(measured.own)) / events);
}
