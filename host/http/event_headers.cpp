#include "http/event_headers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <vector>

#include "base/json_text.hpp"
#include "base/loop.hpp"
#include "base/text.hpp"
#include "http/response.hpp"

namespace cleat::http {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
constexpr char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}
// CGI and its heirs take an underscore for a hyphen, so "content_length" is as much the host's as "content-length".
constexpr char folded(char c) {
  return c == '_' ? '-' : lower(c);
}

template <class Value, class Make>
constexpr std::array<Value, 256> for_each_char(Make make) {
  std::array<Value, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = make(static_cast<char>(i));
  return table;
}
constexpr auto kLower = for_each_char<char>(lower);
constexpr auto kUpper = for_each_char<char>(upper);

constexpr std::string_view kHopByHop[] = {
    "connection",     "keep-alive", "proxy-connection", "transfer-encoding",   "upgrade",
    "http2-settings", "te",         "trailer",          "proxy-authorization", "proxy-authenticate"};
constexpr std::string_view kHostOnly[] = {
    "traceparent", "tracestate", "baggage",         "authorization", "cookie",
    "host",        "expect",     "accept-encoding", "user-agent",    "destination-app-id"};
constexpr std::string_view kHostPrefixes[] = {"cleat-", "dapr-", "content-"};

// Most names are ruled out by their first character.
constexpr auto kMayBeHostOnly = for_each_char<bool>([](char c) {
  const auto begins = [c](std::string_view name) { return name.front() == folded(c); };
  return std::any_of(std::begin(kHopByHop), std::end(kHopByHop), begins) ||
         std::any_of(std::begin(kHostOnly), std::end(kHostOnly), begins) ||
         std::any_of(std::begin(kHostPrefixes), std::end(kHostPrefixes), begins);
});

bool begins_folded(std::string_view name, std::string_view prefix) {
  return name.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), name.begin(),
                                                    [](char p, char c) { return p == folded(c); });
}
template <std::size_t kCount>
bool is_any_folded(std::string_view name, const std::string_view (&listed)[kCount]) {
  return std::any_of(std::begin(listed), std::end(listed), [name](std::string_view one) {
    return one.size() == name.size() && begins_folded(name, one);
  });
}

bool is_host_only(std::string_view name) {
  if (!kMayBeHostOnly[static_cast<unsigned char>(name.front())]) return false;
  return is_any_folded(name, kHopByHop) || is_any_folded(name, kHostOnly) ||
         std::any_of(std::begin(kHostPrefixes), std::end(kHostPrefixes),
                     [name](std::string_view prefix) { return begins_folded(name, prefix); });
}

bool is_any_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view one) { return name.size() == one.size() && iequals(name, one); });
}

bool is_dropped_by_daprd(std::string_view name) {
  return std::any_of(std::begin(kHopByHop), std::end(kHopByHop),
                     [name](std::string_view one) { return iequals(name, one); }) ||
         is_any_of(name, {"content-type", "content-length", "host", "destination-app-id", "expect",
                          "dapr-api-token"});
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// Readers cut white space off at the ends, and some refuse a request for bytes that are no UTF-8.
bool is_legal_value(std::string_view value) {
  if (value.empty()) return true;
  if (is_blank(value.front()) || is_blank(value.back())) return false;
  if (is_printable_ascii(value)) return true;
  const bool has_control = std::any_of(value.begin(), value.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
  return !has_control && json::find_invalid_utf8(value) == std::string_view::npos;
}

// Long enough for every type there is; a longer one would leave no room for the other headers.
constexpr std::size_t kLongestType = 1024;

void append_encoded(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

/// Writes header lines within the bounds.
class Lines {
 public:
  Lines(std::string& out, const EventHeaderOptions& options)
      : out_(out), options_(options), begin_(out.size()) {}

  /// Go's spelling: the first letter and each behind a hyphen large, the others small.
  void add(std::string_view prefix, std::string_view name, std::string_view value) {
    if (!has_room(prefix.size() + name.size() + value.size())) return;
    const std::size_t line = out_.size();
    out_.resize(line + prefix.size() + name.size());
    char* at = out_.data() + line;
    bool first = true;
    for (const std::string_view part : {prefix, name}) {
      for (const char c : part) {
        *at++ = (first ? kUpper : kLower)[static_cast<unsigned char>(c)];
        first = c == '-';
      }
    }
    if (is_repeated(line)) {
      out_.resize(line);
      if (!options_.strict_dapr && prefix.empty()) add("cleat-src-", name, value);
      return;
    }
    finish_line(line, value);
  }
  /// A name of the host's own, which is in that spelling and was not added before.
  void add_first(std::string_view name, std::string_view value) {
    if (!has_room(name.size() + value.size())) return;
    const std::size_t line = out_.size();
    out_ += name;
    finish_line(line, value);
  }
  /// For an entry whose name is no header name.
  void add_encoded(std::string_view prefix, std::string_view name, std::string_view value) {
    std::string legal;
    for (const char c : name) {
      if (is_header_name({&c, 1}) && c != '%') {
        legal += c;
      } else {
        append_encoded(legal, c);
      }
    }
    add(prefix, legal, value);
  }
  [[nodiscard]] std::size_t left_out() const { return left_out_; }

 private:
  bool has_room(std::size_t more) {
    if (names_ < options_.max_count && out_.size() - begin_ + more <= options_.max_bytes) return true;
    ++left_out_;
    return false;
  }
  // Each line's start is remembered, so that names are found again without being copied.
  bool is_repeated(std::size_t line) {
    const std::string_view name = std::string_view(out_).substr(line);
    for (std::size_t i = 0; i < names_; ++i) {
      const auto [begin, size] = i < kInline ? near_[i] : far_[i - kInline];
      if (size == name.size() && std::memcmp(out_.data() + begin, name.data(), size) == 0) return true;
    }
    return false;
  }
  void finish_line(std::size_t line, std::string_view value) {
    const std::pair<std::size_t, std::size_t> name(line, out_.size() - line);
    out_ += ": ";
    append_value(value);
    out_ += "\r\n";
    if (out_.size() - begin_ > options_.max_bytes) {
      out_.resize(line);
      ++left_out_;
      return;
    }
    if (names_ < kInline) {
      near_[names_] = name;
    } else {
      far_.push_back(name);
    }
    ++names_;
  }
  void append_value(std::string_view value) {
    if (is_legal_value(value)) {
      out_ += value;
      return;
    }
    const bool is_utf8 = json::find_invalid_utf8(value) == std::string_view::npos;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const char c = value[i];
      const auto byte = static_cast<unsigned char>(c);
      const bool is_edge = is_blank(c) && (i == 0 || i + 1 == value.size());
      if (byte < 0x20 || byte == 0x7f || c == '%' || is_edge || (!is_utf8 && byte >= 0x80)) {
        append_encoded(out_, c);
      } else {
        out_ += c;
      }
    }
  }

  static constexpr std::size_t kInline = 32;
  std::string& out_;
  const EventHeaderOptions& options_;
  const std::size_t begin_;
  std::size_t names_ = 0;
  std::size_t left_out_ = 0;
  std::array<std::pair<std::size_t, std::size_t>, kInline> near_;
  std::vector<std::pair<std::size_t, std::size_t>> far_;
};

class EventHeaders {
 public:
  EventHeaders(std::string& out, const Event& event, const EventHeaderOptions& options, WallText& wall)
      : out_(out), event_(event), options_(options), wall_(wall), lines_(out, options) {}

  void append() {
    const std::string_view type = event_.content_type();
    const bool from_source = options_.content_type_from_source && !type.empty() &&
                             type.size() <= kLongestType && is_legal_value(type);
    lines_.add_first("Content-Type", from_source ? type : "application/json");
    if (!options_.strict_dapr || !has("user-agent")) lines_.add_first("User-Agent", options_.user_agent);
    if (options_.strict_dapr) {
      find_connection_names();
    } else {
      add_own();
    }
    add_trace();
    for (std::uint32_t i = 0; i < event_.metadata_count(); ++i) {
      if (std::find(traces_.begin(), traces_.end(), i) == traces_.end())
        add_entry(event_.metadata_key(i), event_.metadata_value(i));
    }
    if (lines_.left_out() > 0 && !options_.strict_dapr) {
      out_ += fmt::format("Cleat-Headers-Left-Out: {}\r\n", lines_.left_out());
    }
  }

 private:
  // Passed through as they are; where the plugin did not set them apart, as the message carried them.
  void add_trace() {
    const auto add = [&](std::uint32_t& sent, std::string_view name, std::string_view value) {
      std::uint32_t from = kNone;
      for (std::uint32_t i = 0; value.empty() && i < event_.metadata_count(); ++i) {
        if (!iequals(event_.metadata_key(i), name)) continue;
        value = event_.metadata_value(i);
        from = i;
      }
      if (value.empty() || !is_legal_value(value)) return;
      lines_.add("", name, value);
      sent = from;
    };
    add(traces_[0], "traceparent", event_.traceparent());
    add(traces_[1], "tracestate", event_.tracestate());
    add(traces_[2], "baggage", event_.baggage());
  }

  bool has(std::string_view name) const {
    for (std::uint32_t i = 0; i < event_.metadata_count(); ++i) {
      if (iequals(event_.metadata_key(i), name)) return true;
    }
    return false;
  }

  void add_own() {
    const fmt::format_int attempt(attempt_of(event_));
    lines_.add_first("Cleat-Attempt", {attempt.data(), attempt.size()});
    if (event_.first_seen_wall_ns != 0)
      lines_.add_first("Cleat-First-Seen", wall_.of(event_.first_seen_wall_ns));
    if (!event_.source_id().empty()) lines_.add_first("Cleat-Event-Id", event_.source_id());
    if (!event_.content_type().empty()) lines_.add_first("Cleat-Content-Type", event_.content_type());
  }

  void add_entry(std::string_view name, std::string_view value) {
    if (name.empty()) return;
    if (options_.strict_dapr) return add_as_daprd(name, value);
    if (!is_header_name(name)) return lines_.add_encoded(own_prefix(), name, value);
    if (is_host_only(name) || ends_with_bin(name)) return lines_.add("cleat-src-", name, value);
    lines_.add("", name, value);
    if (name.front() == '_') add_alias(name, value);
  }

  void add_as_daprd(std::string_view name, std::string_view value) {
    if (ends_with_bin(name) || is_named_by_connection(name)) return;
    if (is_any_of(name, {":method", ":scheme", ":path", ":authority"}))
      return lines_.add("dapr-", name.substr(1), value);
    if (!is_header_name(name) || is_dropped_by_daprd(name)) return;
    lines_.add(iequals(name.substr(0, 5), "grpc-") ? "dapr-" : "", name, value);
  }

  // "__message_id" of Kafka becomes "cleat-kafka-message-id".
  void add_alias(std::string_view name, std::string_view value) {
    const std::size_t begin = name.find_first_not_of('_');
    if (begin == std::string_view::npos) return;
    std::string hyphens(name.substr(begin));
    std::replace(hyphens.begin(), hyphens.end(), '_', '-');
    std::replace(hyphens.begin(), hyphens.end(), '.', '-');
    lines_.add(own_prefix(), hyphens, value);
  }

  const std::string& own_prefix() {
    if (own_prefix_.empty()) own_prefix_ = "cleat-" + options_.type + '-';
    return own_prefix_;
  }

  static bool ends_with_bin(std::string_view name) {
    return name.size() >= 4 && iequals(name.substr(name.size() - 4), "-bin");
  }

  void find_connection_names() {
    for (std::uint32_t i = 0; i < event_.metadata_count(); ++i) {
      if (!iequals(event_.metadata_key(i), "connection")) continue;
      for (const std::string& listed : split_list(event_.metadata_value(i)))
        connection_names_.push_back(to_lower(listed));
    }
    std::sort(connection_names_.begin(), connection_names_.end());
  }
  bool is_named_by_connection(std::string_view name) const {
    return !connection_names_.empty() &&
           std::binary_search(connection_names_.begin(), connection_names_.end(), to_lower(name));
  }

  std::string& out_;
  const Event& event_;
  const EventHeaderOptions& options_;
  WallText& wall_;
  Lines lines_;
  std::string own_prefix_;
  std::vector<std::string> connection_names_;  ///< sorted
  static constexpr std::uint32_t kNone = UINT32_MAX;
  std::array<std::uint32_t, 3> traces_{kNone, kNone, kNone};  ///< entries that were sent as the trace
};

}  // namespace

std::string_view WallText::of(std::uint64_t wall_ns) {
  if (wall_ns / kSecond != second_) {
    second_ = wall_ns / kSecond;
    format_wall_ns(wall_ns).copy(text_.data(), kLength);
  }
  const std::uint64_t milliseconds = wall_ns % kSecond / kMillisecond;
  text_[20] = static_cast<char>('0' + milliseconds / 100);
  text_[21] = static_cast<char>('0' + milliseconds / 10 % 10);
  text_[22] = static_cast<char>('0' + milliseconds % 10);
  return {text_.data(), kLength};
}

std::uint32_t attempt_of(const Event& event) {
  return std::max(event.attempts, 1U) + (event.delivery_count > 0 ? event.delivery_count - 1 : 0);
}

void append_event_headers(std::string& out, const Event& event, const EventHeaderOptions& options,
                          WallText& wall) {
  EventHeaders(out, event, options, wall).append();
}

}  // namespace cleat::http
