#include "config/substitute.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

#include "base/text.hpp"

namespace cleat {
namespace {

bool is_blocked(const std::string& name) {
  const std::string folded = to_lower(name);
  return folded.empty() || folded == "app_api_token" || folded.starts_with("dapr_") ||
         folded.find(' ') != std::string::npos;
}

bool is_listed(const std::string& name, const std::string& allowed) {
  const auto words = split_list(allowed, ' ');
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& word) { return iequals(word, name); });
}

}  // namespace

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

Result<std::string> read_env_ref(const std::string& name, const EnvironmentLookup& environment) {
  if (is_blocked(name)) {
    return fail(fmt::format("the environment variable '{}' may not be read by a component", name));
  }
  const auto allowed = environment("DAPR_ENV_KEYS");
  if (allowed && !allowed->empty() && !is_listed(name, *allowed)) {
    return fail(
        fmt::format("the environment variable '{}' is not in the list that DAPR_ENV_KEYS allows", name));
  }
  auto value = environment(name);
  if (!value) return fail(fmt::format("the environment variable '{}' is not set", name));
  return Result<std::string>(boost::system::in_place_value, std::move(*value));
}

Result<std::string> expand_templates(std::string_view value, const Templates& templates) {
  std::string out;
  const auto take = [&value](std::string_view mark) {
    if (!value.starts_with(mark)) return false;
    value.remove_prefix(mark.size());
    return true;
  };
  while (!value.empty()) {
    if (take("{uuid}")) {
      out += templates.new_uuid();
    } else if (take("{appID}")) {
      out += templates.app_id;
    } else if (take("{namespace}")) {
      out += templates.namespace_name.empty() ? "default" : templates.namespace_name;
      out += "." + templates.app_id;
    } else if (take("{podName}")) {
      if (templates.pod_name.empty()) {
        return fail(
            "refers to {podName}, but the pod name is not known: set the environment variable POD_NAME");
      }
      out += templates.pod_name;
    } else {
      const std::size_t next = std::min(value.find('{', 1), value.size());
      out += value.substr(0, next);
      value.remove_prefix(next);
    }
  }
  return Result<std::string>(boost::system::in_place_value, std::move(out));
}

std::string random_uuid() {
  std::random_device source;
  std::array<std::uint32_t, 4> words{};
  for (std::uint32_t& word : words)
    word = source();
  words[1] = (words[1] & 0xFFFF0FFFU) | 0x00004000U;
  words[2] = (words[2] & 0x3FFFFFFFU) | 0x80000000U;
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:04x}{:08x}", words[0], words[1] >> 16, words[1] & 0xFFFFU,
                     words[2] >> 16, words[2] & 0xFFFFU, words[3]);
}

}  // namespace cleat
