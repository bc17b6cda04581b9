#pragma once

#include <cleat/plugin.hpp>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "ledger.hpp"

namespace cleat::generator {

/// The input binding "bindings.generator": numbered events from a thread of its own, for benchmarks and
/// tests. Each of its lanes is a source of its own, as a partition is: it hands out its numbers in order, and
/// one that comes back is handed out again before any later one.
class GeneratorBinding {
 public:
  explicit GeneratorBinding(Host host) : host_(host) {}

  void init(const Config& config);
  void start(Deadline deadline);
  void begin_input(const Window& window);
  void set_window(const Window& window);
  void settle(Settlements settlements);
  void end_input(Deadline deadline);
  void stop(Deadline deadline);

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Lane {
    std::uint64_t number = 0;      ///< towards the host; a new one after each closing; 0: no lane
    std::uint64_t next = 0;        ///< first number not handed out yet
    std::set<std::uint64_t> back;  ///< given back, to be handed out again
    std::uint32_t out = 0;         ///< handed out and not settled
    bool closed = false;           ///< until everything that is out has come back, so that order holds
  };
  struct Out {
    std::uint64_t number = 0;
    std::uint32_t lane = 0;
  };
  /// One event on its way into deliver(), with the text that its metadata points to.
  struct Prepared {
    cleat_event event{};
    std::array<cleat_kv, 2> metadata{};
    std::array<char, 20> number_text{}, lane_text{};
    Out out;
  };

  void run();
  [[nodiscard]] bool is_fresh_due(Time now) const;
  bool take(Lane& lane, bool fresh_allowed, Prepared& prepared);
  std::uint32_t prepare(Time now);
  void fill(Prepared& prepared);
  void deliver(std::uint32_t count);
  void give_back(const Prepared& prepared);
  bool settle_one(const cleat_settlement& settlement, std::string& lines);
  static std::uint32_t resume_at(std::uint32_t limit);

  const Host host_;
  std::uint64_t count_ = 0, first_ = 0, size_ = 0;
  double rate_ = 0;
  std::uint32_t lane_count_ = 0;
  std::string ledger_path_;
  Ledger ledger_;

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool reading_ = false, full_ = false, stopping_ = false;
  Window window_;
  std::vector<Lane> lanes_;
  std::size_t turn_ = 0;
  std::unordered_map<std::uint64_t, Out> out_;
  std::uint64_t last_id_ = 0, last_lane_ = 0;
  Time began_;
  std::uint64_t handed_out_ = 0;  ///< since began_, fresh ones only: what the rate counts
  std::array<Prepared, 64> batch_;
  std::array<cleat_event*, 64> events_{};
};

}  // namespace cleat::generator
