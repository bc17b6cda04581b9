#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "base/log.hpp"

namespace cleat {

/// What the command line asks for. Defaults are the host's own unless a flag says otherwise.
struct Options {
  std::string app_id;
  std::uint16_t app_port = 0;  ///< 0: there is no application to deliver to
  std::string app_channel_address = "127.0.0.1";
  std::int32_t app_max_concurrency = -1;  ///< below 1: no limit
  std::uint64_t app_binding_options_timeout_ns = 3'000'000'000;

  std::vector<std::string> listen_addresses = {"127.0.0.1"};
  std::uint16_t http_port = 3500;        ///< 0: any free one, written to the log
  std::int64_t max_body_size = 4 << 20;  ///< bytes; 0 or less: no limit
  std::int64_t read_buffer_size = 4096;  ///< bytes of a request's headers

  std::vector<std::filesystem::path> resources_paths;
  std::vector<std::filesystem::path> plugin_dirs;  ///< empty: beside the executable, then the installed one
  std::uint32_t io_threads = 1;
  std::int64_t graceful_shutdown_seconds = 5;  ///< 0: wait for ever
  std::uint64_t block_shutdown_ns = 0;         ///< after a signal the API stays open for so long
  bool strict_dapr = false;

  LogLevel log_level = LogLevel::info;
  bool log_as_json = false;
  bool wait = false;  ///< wait until a host on this port is outbound-healthy, then exit

  std::vector<std::string> notes;  ///< to be logged once: flags that have no effect yet, deprecated ones
};

/// The process ends with this code after printing the text (to stdout if the code is 0, else to stderr).
struct Exit {
  int code = 0;
  std::string text;
};

/// Reads the command line. All of daprd's flags are taken, with one dash or two, with `=` or a space.
std::variant<Options, Exit> parse_options(int argc, const char* const* argv);

}  // namespace cleat
