#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <ctime>

#include "base/loop.hpp"

namespace cleat {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n\v\f";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr std::uint64_t kOnes = 0x0101010101010101, kTopBits = 0x80 * kOnes;

bool is_printable(char c) {
  return c >= 0x20 && c < 0x7F;
}

// "1.5" of a thousand and a unit, without zeros at the end.
std::string with_fraction(std::uint64_t value, std::uint64_t unit, int decimals) {
  std::string text = fmt::format("{}", value / unit);
  if (value % unit == 0) return text;
  text += fmt::format(".{:0{}}", value % unit, decimals);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

}  // namespace

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool iequals(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool is_printable_ascii(std::string_view text) {
  if (text.size() < sizeof(std::uint64_t)) return std::all_of(text.begin(), text.end(), is_printable);
  std::uint64_t all = kTopBits;
  const auto look_at = [&](const char* eight) {
    std::uint64_t word = 0;
    std::memcpy(&word, eight, sizeof word);
    // A byte's top bit stays set in the first where it is at least 0x20, and stays clear in the second where it is at most 0x7E.
    all &= ((word | kTopBits) - 0x20 * kOnes) & ~(word | (word + kOnes));
  };
  const char* const last = text.data() + text.size() - sizeof(std::uint64_t);
  for (const char* at = text.data(); at < last; at += sizeof(std::uint64_t))
    look_at(at);
  look_at(last);
  return all == kTopBits;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1);
}

std::vector<std::string> split_list(std::string_view text, char separator) {
  std::vector<std::string> items;
  for (;;) {
    const std::size_t end = text.find(separator);
    if (const std::string_view item = trim(text.substr(0, end)); !item.empty()) items.emplace_back(item);
    if (end == std::string_view::npos) return items;
    text.remove_prefix(end + 1);
  }
}

bool is_truthy(std::string_view text) {
  text = trim(text);
  return std::ranges::any_of(std::initializer_list<std::string_view>{"y", "yes", "true", "t", "on", "1"},
                             [text](std::string_view word) { return iequals(text, word); });
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string format_duration(std::uint64_t ns) {
  if (ns == 0) return "0s";
  if (ns < kMicrosecond) return fmt::format("{}ns", ns);
  if (ns < kMillisecond) return with_fraction(ns, kMicrosecond, 3) + "\xC2\xB5s";
  if (ns < kSecond) return with_fraction(ns, kMillisecond, 6) + "ms";
  constexpr std::uint64_t kMinute = 60 * kSecond;
  constexpr std::uint64_t kHour = 60 * kMinute;
  std::string text;
  if (ns >= kHour) text += fmt::format("{}h", ns / kHour);
  if (ns >= kMinute) text += fmt::format("{}m", ns % kHour / kMinute);
  return text + with_fraction(ns % kMinute, kSecond, 9) + "s";
}

std::string format_wall_ns(std::uint64_t wall_ns) {
  const auto seconds = static_cast<std::time_t>(wall_ns / kSecond);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, wall_ns % kSecond / kMillisecond);
}

std::uint64_t wall_now_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

}  // namespace cleat
