#include "wire.hpp"

#include <array>
#include <charconv>
#include <system_error>

#include "flat_json.hpp"

namespace cleat::nats {
namespace {

constexpr std::string_view kPrefix = "$JS.ACK.";
constexpr std::size_t kShortForm = 7, kLongForm = 9;  // parts after the prefix; the long form may have more

template <class T>
bool read(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::optional<AckAddress> parse_ack_address(std::string_view reply) {
  if (reply.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  reply.remove_prefix(kPrefix.size());
  std::array<std::string_view, kLongForm> parts;
  std::size_t count = 0;
  for (bool has_more = true; has_more; ++count) {
    const std::size_t dot = reply.find('.');
    if (count < parts.size()) parts[count] = reply.substr(0, dot);
    has_more = dot != std::string_view::npos;
    if (has_more) reply.remove_prefix(dot + 1);
  }
  if (count != kShortForm && count < kLongForm) return std::nullopt;
  const std::string_view* part = parts.data() + (count == kShortForm ? 0 : 2);
  AckAddress address{part[0], part[1]};
  const bool is_good = !part[0].empty() && !part[1].empty() && read(part[2], address.delivered) &&
                       read(part[3], address.sequence) && read(part[4], address.consumer_sequence) &&
                       read(part[5], address.stored_ns) && read(part[6], address.pending);
  return is_good ? std::optional(address) : std::nullopt;
}

std::optional<PubAck> parse_pub_ack(std::string_view json) {
  PubAck ack;
  const bool is_json = read_flat_json(json, [&](std::string_view path, std::string_view value) {
    if (path == "stream") ack.stream = value;
    if (path == "seq") read(value, ack.sequence);
    if (path == "duplicate") ack.is_duplicate = value == "true";
    if (path == "error.code") read(value, ack.error_code);
    if (path == "error.err_code") read(value, ack.error_kind);
    if (path == "error.description") ack.error = value;
  });
  if (!is_json) return std::nullopt;
  if ((ack.error_code != 0 || ack.error_kind != 0) && ack.error.empty()) ack.error = "no reason given";
  if (!ack.is_error() && (ack.stream.empty() || ack.sequence == 0)) return std::nullopt;
  return ack;
}

std::string pull_request(std::uint32_t batch, std::uint64_t max_bytes, std::int64_t expires_ns) {
  return "{\"batch\":" + std::to_string(batch) + ",\"max_bytes\":" + std::to_string(max_bytes) +
         ",\"expires\":" + std::to_string(expires_ns) + "}";
}

std::string nak(std::uint32_t after_ms) {
  if (after_ms == 0) return "-NAK";
  return "-NAK {\"delay\":" + std::to_string(std::uint64_t{after_ms} * 1'000'000) + "}";
}

}  // namespace cleat::nats
