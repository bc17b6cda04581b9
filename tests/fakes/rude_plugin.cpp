// Breaks the one rule of plugin.h that its field `breach` names: what the conformance suite must notice.

#include <cleat/plugin.hpp>

#include <fcntl.h>
#include <poll.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace {

class Rude {
 public:
  explicit Rude(cleat::Host host) : host_(host) {}

  void init(const cleat::Config& config) {
    breach_ = config.text("breach");
    if (breach_ == "tells-a-secret") host_.log(CLEAT_LOG_INFO, "logging in with " + config.text("password"));
    if (breach_ == "fails-without-a-word") throw cleat::Error(CLEAT_INVALID, "");
  }

  void start(cleat::Deadline /*deadline*/) {
    if (breach_ == "keeps-a-descriptor") ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (breach_ == "keeps-a-thread") {
      std::thread([] {
        std::mutex never;
        std::unique_lock lock(never);
        std::condition_variable().wait(lock, [] { return false; });
      }).detach();
    }
    if (breach_ == "keeps-bytes") kept().append(10, 'x');
  }

  void invoke(const cleat::Request& /*request*/, cleat::Call&& call) {
    if (breach_ == "crashes") *static_cast<volatile int*>(nullptr) = 1;
    if (breach_ == "blocks") ::poll(nullptr, 0, 400);
    if (breach_ == "keeps-a-call") {
      held_ = new cleat::Call(std::move(call));
      return;
    }
    call.complete();
  }

  void begin_input(const cleat::Window& /*window*/) {
    if (breach_ == "goes-on-in-a-closed-lane") deliver(1, 7);
    if (breach_ == "bad-health") host_.set_health(17, "fine");
    if (breach_ == "uses-a-number-twice") {
      deliver(1, 0);
      deliver(1, 0);
    }
    if (breach_ == "overfills-a-lane") {
      deliver(1, 7);
      deliver(2, 7);
    }
  }
  void set_window(const cleat::Window& /*window*/) {}
  void settle(cleat::Settlements settlements) {
    if (breach_ == "goes-on-in-a-closed-lane" && settlements.items[0]->event_id == 1) deliver(2, 7);
  }
  void end_input(cleat::Deadline /*deadline*/) {}
  void stop(cleat::Deadline /*deadline*/) {}
  ~Rude() {
    if (breach_ == "speaks-after-stop") host_.set_health(CLEAT_HEALTH_UP, "still here");
  }

 private:
  static std::string& kept() {
    static auto* text = new std::string;
    return *text;
  }
  void deliver(std::uint64_t id, std::uint64_t lane) {
    cleat_event event{};
    event.struct_size = sizeof event;
    event.id = id;
    event.lane = lane;
    event.data = cleat::Buffer::of_static("x").take();
    cleat_event* events[] = {&event};
    std::uint32_t accepted = 0;
    host_.deliver(events, 1, accepted);
  }

  cleat::Host host_;
  std::string breach_;
  cleat::Call* held_ = nullptr;
};

}  // namespace

CLEAT_PLUGIN("rude_plugin.manifest.json", cleat::type<Rude>("bindings.rude"))
