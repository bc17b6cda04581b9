#include "commands.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "common/ttl.hpp"

namespace cleat::redis {
namespace {

template <class Words>
std::string encode_words(const Words& words) {
  std::size_t size = 16;
  for (const std::string_view word : words)
    size += word.size() + 16;
  std::string wire;
  wire.reserve(size);
  wire.append("*").append(std::to_string(words.size())).append("\r\n");
  for (const std::string_view word : words) {
    wire.append("$").append(std::to_string(word.size())).append("\r\n");
    wire.append(word).append("\r\n");
  }
  return wire;
}

/// Whole milliseconds, rounded up: what is short must not mean "at once" or "never".
std::string milliseconds(std::chrono::nanoseconds ttl) {
  constexpr std::int64_t kMost = 9'000'000'000'000;  // what is more overflows in the server
  const std::int64_t ms =
      std::chrono::ceil<std::chrono::milliseconds>(std::min(ttl, ttl.max() - std::chrono::milliseconds(1)))
          .count();
  return std::to_string(std::clamp<std::int64_t>(ms, 1, kMost));
}

std::string encode_create(std::string_view key, const Request& request) {
  const auto ttl = common::ttl_of(request);
  if (!ttl) return encode({"SET", key, request.data()});
  return encode({"SET", key, request.data(), "PX", milliseconds(*ttl)});
}

/// With a time to live, both in one transaction of the server's: a key that lived for ever because the second
/// command was lost would be worse than none.
Encoded encode_increment(std::string_view key, const Request& request) {
  const auto ttl = common::ttl_of(request);
  Encoded out{encode({"INCR", key}), std::string(key), false};
  if (ttl) {
    constexpr std::string_view kScript =
        "local n = redis.call('INCR', KEYS[1]) redis.call('PEXPIRE', KEYS[1], ARGV[1]) return n";
    out.wire = encode({"EVAL", kScript, "1", key, milliseconds(*ttl)});
  }
  return out;
}

}  // namespace

std::string encode(std::initializer_list<std::string_view> words) {
  return encode_words(words);
}

std::string encode(const std::vector<std::string_view>& words) {
  return encode_words(words);
}

Encoded encode_operation(const Request& request) {
  const std::string_view operation = request.operation();
  if (operation != "create" && operation != "get" && operation != "delete" && operation != "increment") {
    throw Error(CLEAT_UNSUPPORTED, "invalid operation type: " + std::string(operation));
  }
  const std::string_view key = request.metadata("key").value_or("");
  if (key.empty()) throw Error(CLEAT_INVALID, "redis binding: missing key in request metadata");
  if (operation == "create") return {encode_create(key, request), std::string(key), true};
  if (operation == "delete") return {encode({"DEL", key}), std::string(key), true};
  if (operation == "increment") return encode_increment(key, request);
  // What is taken out and lost on the way is gone.
  const bool takes_out = request.metadata("delete").value_or("") == "true";
  return {encode({takes_out ? "GETDEL" : "GET", key}), std::string(key), !takes_out};
}

Meaning meaning_of(std::string_view error) {
  constexpr std::array<std::pair<std::string_view, Meaning>, 15> kKnown{{
      {"LOADING", {CLEAT_UNAVAILABLE, CLEAT_RETRYABLE}},
      {"CLUSTERDOWN", {CLEAT_UNAVAILABLE, CLEAT_RETRYABLE}},
      {"MASTERDOWN", {CLEAT_UNAVAILABLE, CLEAT_RETRYABLE}},
      {"TRYAGAIN", {CLEAT_UNAVAILABLE, CLEAT_RETRYABLE}},
      {"READONLY", {CLEAT_UNAVAILABLE, CLEAT_RETRYABLE}},
      {"NOREPLICAS", {CLEAT_UNAVAILABLE, CLEAT_RETRYABLE}},
      {"MISCONF", {CLEAT_UNAVAILABLE, CLEAT_RETRYABLE}},
      {"BUSY", {CLEAT_UNAVAILABLE, CLEAT_RETRYABLE}},
      {"MOVED", {CLEAT_UNAVAILABLE, CLEAT_RETRYABLE}},
      {"ASK", {CLEAT_UNAVAILABLE, CLEAT_RETRYABLE}},
      {"OOM", {CLEAT_THROTTLED, CLEAT_RETRYABLE}},
      {"NOAUTH", {CLEAT_UNAUTHENTICATED, 0}},
      {"WRONGPASS", {CLEAT_UNAUTHENTICATED, 0}},
      {"NOPERM", {CLEAT_DENIED, 0}},
      {"WRONGTYPE", {CLEAT_CONFLICT, 0}},
  }};
  const std::string_view word = error.substr(0, error.find(' '));
  const auto* const found =
      std::find_if(kKnown.begin(), kKnown.end(), [&](const auto& known) { return known.first == word; });
  return found != kKnown.end() ? found->second : Meaning{};
}

}  // namespace cleat::redis
