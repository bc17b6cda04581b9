#include "http/event_headers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <vector>

#include "base/text.hpp"
#include "http/response.hpp"

namespace cleat::http {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}

bool starts_with_name(std::string_view name, std::string_view prefix) {
  return name.size() >= prefix.size() && iequals(name.substr(0, prefix.size()), prefix);
}

bool is_any_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view one) { return name.size() == one.size() && iequals(name, one); });
}

bool is_hop_by_hop(std::string_view name) {
  return is_any_of(name, {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
                          "http2-settings", "te", "trailer", "proxy-authorization", "proxy-authenticate"});
}

// CGI and its heirs take an underscore for a hyphen, so "content_length" is as much the host's as
// "content-length".
bool is_host_only(std::string_view name, bool strict) {
  if (strict)
    return is_hop_by_hop(name) || is_any_of(name, {"content-type", "content-length", "host",
                                                   "destination-app-id", "expect", "dapr-api-token"});
  std::array<char, 32> hyphens{};
  if (name.size() <= hyphens.size() && name.find('_') != std::string_view::npos) {
    std::transform(name.begin(), name.end(), hyphens.begin(), [](char c) { return c == '_' ? '-' : c; });
    name = {hyphens.data(), name.size()};
  }
  return is_hop_by_hop(name) || starts_with_name(name, "cleat-") || starts_with_name(name, "dapr-") ||
         starts_with_name(name, "cleat_") || starts_with_name(name, "dapr_") ||
         starts_with_name(name, "content-") || starts_with_name(name, "content_") ||
         is_any_of(name, {"traceparent", "tracestate", "baggage", "authorization", "cookie", "host", "expect",
                          "accept-encoding", "user-agent", "destination-app-id"});
}

bool is_legal_value(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || c == '\t';
  });
}

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
    if (names_ == options_.max_count ||
        out_.size() - begin_ + prefix.size() + name.size() + value.size() > options_.max_bytes) {
      ++left_out_;
      return;
    }
    const std::size_t line = out_.size();
    out_.resize(line + prefix.size() + name.size());
    char* at = out_.data() + line;
    bool first = true;
    for (const std::string_view part : {prefix, name}) {
      for (const char c : part) {
        *at++ = first ? upper(c) : lower(c);
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
    if (names_ < kInline) {
      near_[names_] = name;
    } else {
      far_.push_back(name);
    }
    ++names_;
    out_ += ": ";
    if (is_legal_value(value)) {
      out_ += value;
    } else {
      for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f || c == '%') {
          append_encoded(out_, c);
        } else {
          out_ += c;
        }
      }
    }
    out_ += "\r\n";
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
  EventHeaders(std::string& out, const Event& event, const EventHeaderOptions& options)
      : out_(out), event_(event), options_(options), lines_(out, options) {}

  void append() {
    const std::string_view type = event_.content_type();
    const bool from_source = options_.content_type_from_source && !type.empty() && is_legal_value(type);
    lines_.add("", "content-type", from_source ? type : "application/json");
    if (!options_.strict_dapr || !has("user-agent")) lines_.add("", "user-agent", options_.user_agent);
    add_trace();
    if (!options_.strict_dapr) add_own();
    for (std::uint32_t i = 0; i < event_.metadata_count(); ++i)
      add_entry(event_.metadata_key(i), event_.metadata_value(i));
    if (lines_.left_out() > 0 && !options_.strict_dapr) {
      out_ += fmt::format("Cleat-Headers-Left-Out: {}\r\n", lines_.left_out());
    }
  }

 private:
  // Passed through as they are; where the plugin did not set them apart, as the message carried them.
  void add_trace() {
    const auto add = [&](std::string_view name, std::string_view value) {
      for (std::uint32_t i = 0; value.empty() && i < event_.metadata_count(); ++i) {
        if (iequals(event_.metadata_key(i), name)) value = event_.metadata_value(i);
      }
      if (!value.empty() && is_legal_value(value)) lines_.add("", name, value);
    };
    add("traceparent", event_.traceparent());
    add("tracestate", event_.tracestate());
    add("baggage", event_.baggage());
  }

  bool has(std::string_view name) const {
    for (std::uint32_t i = 0; i < event_.metadata_count(); ++i) {
      if (iequals(event_.metadata_key(i), name)) return true;
    }
    return false;
  }

  void add_own() {
    if (!event_.source_id().empty()) lines_.add("", "cleat-event-id", event_.source_id());
    const std::uint32_t earlier = event_.delivery_count > 0 ? event_.delivery_count - 1 : 0;
    lines_.add("", "cleat-attempt", fmt::format_int(std::max(event_.attempts, 1U) + earlier).c_str());
    if (event_.first_seen_wall_ns != 0)
      lines_.add("", "cleat-first-seen", format_wall_ns(event_.first_seen_wall_ns));
    if (!event_.content_type().empty()) lines_.add("", "cleat-content-type", event_.content_type());
  }

  void add_entry(std::string_view name, std::string_view value) {
    if (name.empty()) return;
    if (options_.strict_dapr) return add_as_daprd(name, value);
    if (is_any_of(name, {"traceparent", "tracestate", "baggage"}) && event_trace(name).empty())
      return;  // sent already
    if (!is_header_name(name)) return lines_.add_encoded(own_prefix(), name, value);
    if (is_host_only(name, false) || ends_with_bin(name)) return lines_.add("cleat-src-", name, value);
    lines_.add("", name, value);
    if (name.front() == '_') add_alias(name, value);
  }

  std::string_view event_trace(std::string_view name) const {
    return iequals(name, "traceparent")  ? event_.traceparent()
           : iequals(name, "tracestate") ? event_.tracestate()
                                         : event_.baggage();
  }

  void add_as_daprd(std::string_view name, std::string_view value) {
    if (ends_with_bin(name) || is_named_by_connection(name)) return;
    if (is_any_of(name, {":method", ":scheme", ":path", ":authority"}))
      return lines_.add("dapr-", name.substr(1), value);
    if (!is_header_name(name) || is_host_only(name, true)) return;
    lines_.add(starts_with_name(name, "grpc-") ? "dapr-" : "", name, value);
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

  bool is_named_by_connection(std::string_view name) const {
    for (std::uint32_t i = 0; i < event_.metadata_count(); ++i) {
      if (!iequals(event_.metadata_key(i), "connection")) continue;
      for (const std::string& listed : split_list(event_.metadata_value(i))) {
        if (iequals(listed, name)) return true;
      }
    }
    return false;
  }

  std::string& out_;
  const Event& event_;
  const EventHeaderOptions& options_;
  Lines lines_;
  std::string own_prefix_;
};

}  // namespace

void append_event_headers(std::string& out, const Event& event, const EventHeaderOptions& options) {
  EventHeaders(out, event, options).append();
}

}  // namespace cleat::http
