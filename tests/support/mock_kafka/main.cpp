#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "mock_cluster.hpp"

namespace {

constexpr const char* kUsage =
    "usage: mock-kafka [--topics NAME:PARTITIONS,...] [--brokers N]\n"
    "Runs a Kafka cluster in memory on ephemeral loopback ports, prints READY with the brokers' addresses, "
    "and ends at\n"
    "SIGTERM, SIGINT or the end of its standard input.\n";

struct Options {
  int brokers = 1;
  std::map<std::string, int> topics;
};

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > 10'000)
    return std::nullopt;
  return value;
}

bool read_topics(std::string_view text, Options& options) {
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(one.size() + 1, text.size()));
    const std::size_t colon = one.rfind(':');
    const auto partitions =
        colon == std::string_view::npos ? std::optional(1) : number(one.substr(colon + 1));
    const std::string name(one.substr(0, colon));
    if (!partitions || name.empty()) return false;
    options.topics[name] = *partitions;
  }
  return true;
}

std::optional<Options> read_options(int count, char** values) {
  Options options;
  for (int i = 1; i < count; i += 2) {
    const std::string_view name = values[i];
    if (i + 1 == count) return std::nullopt;
    if (name == "--brokers") {
      const auto brokers = number(values[i + 1]);
      if (!brokers) return std::nullopt;
      options.brokers = *brokers;
    } else if (name != "--topics" || !read_topics(values[i + 1], options)) {
      return std::nullopt;
    }
  }
  return options;
}

/// Returns at a signal of the set or at the end of standard input.
void wait_for_end(const sigset_t& signals) {
  const int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
  std::array<pollfd, 2> watched{pollfd{signal_fd, POLLIN, 0}, pollfd{STDIN_FILENO, POLLIN, 0}};
  for (;;) {
    if (poll(watched.data(), watched.size(), -1) < 0 || watched[0].revents != 0) break;
    std::array<char, 256> ignored{};
    if (watched[1].revents != 0 && read(STDIN_FILENO, ignored.data(), ignored.size()) <= 0) break;
  }
  close(signal_fd);
}

}  // namespace

int main(int count, char** values) {
  const auto options = read_options(count, values);
  if (!options) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  // Before any thread starts, so that all of them leave these to wait_for_end().
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  try {
    const cleat::testing::MockCluster cluster(options->brokers, options->topics);
    std::printf("READY %s\n", cluster.brokers().c_str());
    std::fflush(stdout);
    wait_for_end(signals);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mock-kafka: %s\n", error.what());
    return 1;
  }
  return 0;
}
