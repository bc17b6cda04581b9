#include "values.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <ctime>
#include <utility>

#include "common/base64.hpp"
#include "common/json_text.hpp"
#include "common/text.hpp"

namespace cleat::postgresql {
namespace {

enum class Shape { text, number, boolean, json, bytes, time, date };

struct Known {
  std::uint32_t type, array_type;
  Shape shape;
};
// Numbers of pg_type, which never change.
constexpr std::array<Known, 14> kKnown{{{16, 1000, Shape::boolean},
                                        {17, 1001, Shape::bytes},
                                        {20, 1016, Shape::number},
                                        {21, 1005, Shape::number},
                                        {23, 1007, Shape::number},
                                        {26, 1028, Shape::number},
                                        {700, 1021, Shape::number},
                                        {701, 1022, Shape::number},
                                        {1700, 1231, Shape::number},
                                        {114, 199, Shape::json},
                                        {3802, 3807, Shape::json},
                                        {1114, 1115, Shape::time},
                                        {1184, 1185, Shape::time},
                                        {1082, 1182, Shape::date}}};
// Arrays of what is text here: text, varchar, char, uuid, name, inet, time, interval.
constexpr std::array<std::uint32_t, 9> kTextArrays{1009, 1015, 1014, 2951, 1003, 1041, 1183, 1270, 1187};

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
}

int hex(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

/// "2024-05-01 10:00:00.5+02" becomes "2024-05-01T10:00:00.5+02:00"; what is not such a time (infinity, BC) stays.
std::string rfc3339(std::string_view text, Shape shape) {
  const bool is_plain =
      text.size() >= 10 && text[4] == '-' && text[7] == '-' && text.find("BC") == std::string_view::npos;
  if (!is_plain) return std::string(text);
  if (shape == Shape::date) return std::string(text) + "T00:00:00Z";
  std::string out(text);
  out[10] = 'T';
  const std::size_t sign = out.find_first_of("+-", 11);
  if (sign == std::string::npos) return out + "Z";
  const std::string_view offset = std::string_view(out).substr(sign);
  if (offset == "+00") return out.substr(0, sign) + "Z";
  return offset.size() == 3 ? out + ":00" : out;
}

void append_scalar(std::string& out, Shape shape, std::string_view text) {
  switch (shape) {
    case Shape::number:
      if (is_number(text)) {
        out += text;
        return;
      }
      break;  // NaN and Infinity, which JSON has no numbers for
    case Shape::boolean:
      out += text == "t" ? "true" : "false";
      return;
    case Shape::json:
      out += text;
      return;
    case Shape::bytes:
      common::append_json_string(out, common::base64(bytes_of_hex(text)));
      return;
    case Shape::time:
    case Shape::date:
      common::append_json_string(out, rfc3339(text, shape));
      return;
    case Shape::text:
      break;
  }
  common::append_json_string(out, text);
}

/// PostgreSQL's text of an array: {1,NULL,{"a\"b",c}}, with its bounds in front if they are odd.
class ArrayText {
 public:
  ArrayText(std::string_view text, Shape shape) : text_(text), shape_(shape) { at_ = text_.find('{'); }
  bool append(std::string& out) { return at_ != std::string_view::npos && list(out) && at_ == text_.size(); }

 private:
  bool list(std::string& out) {
    ++at_;
    out += '[';
    for (bool first = true; at_ < text_.size() && text_[at_] != '}'; first = false) {
      if (!first && text_[at_++] != ',') return false;
      if (!first) out += ',';
      if (at_ >= text_.size()) return false;
      if (text_[at_] == '{') {
        if (!list(out)) return false;
      } else {
        element(out);
      }
    }
    if (at_ >= text_.size()) return false;
    ++at_;
    out += ']';
    return true;
  }
  void element(std::string& out) {
    std::string value;
    const bool quoted = text_[at_] == '"';
    if (quoted) ++at_;
    while (at_ < text_.size() && (quoted ? text_[at_] != '"' : text_[at_] != ',' && text_[at_] != '}')) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value.push_back(text_[at_++]);
    }
    if (quoted) ++at_;
    if (!quoted && value == "NULL") {
      out += "null";
    } else {
      append_scalar(out, shape_, value);
    }
  }

  std::string_view text_;
  Shape shape_;
  std::size_t at_ = 0;
};

bool is_array_type(std::uint32_t type) {
  return std::find(kTextArrays.begin(), kTextArrays.end(), type) != kTextArrays.end() ||
         std::any_of(kKnown.begin(), kKnown.end(),
                     [&](const Known& known) { return known.array_type == type; });
}

/// {1,NULL,"a"}
void append_array_text(std::string& out, const common::JsonValue& array) {
  out += '{';
  for (const common::JsonValue& item : array.items) {
    if (&item != &array.items.front()) out += ',';
    if (item.kind == common::JsonValue::Kind::array) {
      append_array_text(out, item);
    } else if (item.kind == common::JsonValue::Kind::null) {
      out += "NULL";
    } else {
      out += '"';
      for (const char c :
           item.kind == common::JsonValue::Kind::text ? std::string_view(item.text) : item.raw) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
      }
      out += '"';
    }
  }
  out += '}';
}

}  // namespace

std::string bytes_of_hex(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t at = 2; at + 1 < text.size(); at += 2)
    out.push_back(static_cast<char>(hex(text[at]) * 16 + hex(text[at + 1])));
  return out;
}

void append_value(std::string& out, std::uint32_t type, std::string_view text) {
  for (const Known& known : kKnown) {
    if (known.type == type) {
      append_scalar(out, known.shape, text);
      return;
    }
  }
  const auto* const array = std::find_if(kKnown.begin(), kKnown.end(),
                                         [&](const Known& known) { return known.array_type == type; });
  const bool is_text_array = std::find(kTextArrays.begin(), kTextArrays.end(), type) != kTextArrays.end();
  if (array != kKnown.end() || is_text_array) {
    std::string made;
    if (ArrayText(text, is_text_array ? Shape::text : array->shape).append(made)) {
      out += made;
      return;
    }
  }
  common::append_json_string(out, text);
}

std::optional<std::string> parameter_text(const common::JsonValue& value, std::uint32_t type) {
  switch (value.kind) {
    case common::JsonValue::Kind::null:
      return std::nullopt;
    case common::JsonValue::Kind::text:
      return value.text;
    case common::JsonValue::Kind::array:
      if (is_array_type(type)) {
        std::string out;
        append_array_text(out, value);
        return out;
      }
      break;
    default:
      break;
  }
  return std::string(value.raw);
}

std::string time_text(std::chrono::system_clock::time_point when) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(when);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(whole);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%09lldZ", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                static_cast<long long>(std::chrono::nanoseconds(when - whole).count()));
  return text.data();
}

std::string go_duration(std::chrono::nanoseconds duration) {
  const auto trimmed = [](double value, const char* unit) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.9f", value);
    std::string out = text.data();
    out.erase(out.find_last_not_of('0') + 1);
    if (out.back() == '.') out.pop_back();
    return out + unit;
  };
  const double ns = static_cast<double>(duration.count());
  if (ns == 0) return "0s";
  if (ns < 1e3) return trimmed(ns, "ns");
  if (ns < 1e6) return trimmed(ns / 1e3, "\xC2\xB5s");
  if (ns < 1e9) return trimmed(ns / 1e6, "ms");
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(duration);
  const std::string rest = trimmed(static_cast<double>((duration - minutes).count()) / 1e9, "s");
  if (minutes.count() == 0) return rest;
  const std::string small = std::to_string(minutes.count() % 60) + "m" + rest;
  return minutes.count() < 60 ? small : std::to_string(minutes.count() / 60) + "h" + small;
}

SqlMeaning meaning_of_state(std::string_view state) {
  const std::string_view group = state.substr(0, 2);
  if (state == "40003" || state == "08007") return {};  // the server does not know itself what became of it
  if (state == "57P02") return {CLEAT_UNAVAILABLE, 0};  // a crash, perhaps just after a commit
  if (state == "57014") return {CLEAT_TIMEOUT, CLEAT_RETRYABLE};
  if (state == "42501") return {CLEAT_DENIED, 0};
  if (state == "25006") return {CLEAT_UNAVAILABLE, CLEAT_RETRYABLE};  // a standby: read only
  if (group == "08" || group == "57" || group == "58") return {CLEAT_UNAVAILABLE, CLEAT_RETRYABLE};
  if (group == "53" || group == "55") return {CLEAT_THROTTLED, CLEAT_RETRYABLE};
  if (group == "40") return {CLEAT_CONFLICT, CLEAT_RETRYABLE};
  if (group == "28") return {CLEAT_UNAUTHENTICATED, 0};
  if (group == "23") return {CLEAT_CONFLICT, 0};
  if (group == "22" || group == "42" || group == "26" || group == "34") return {CLEAT_INVALID, 0};
  return {};
}

bool may_commit_inside(std::string_view sql) {
  for (std::size_t at = 0; at < sql.size(); at = sql.find(';', at), at += at < sql.size() ? 1 : 0) {
    std::string_view rest = sql.substr(at);
    while (!rest.empty()) {
      const std::size_t blanks = std::min(rest.find_first_not_of(" \t\r\n\f\v"), rest.size());
      rest.remove_prefix(blanks);
      const bool is_line = rest.rfind("--", 0) == 0;
      if (!is_line && rest.rfind("/*", 0) != 0) break;
      const std::size_t end = rest.find(is_line ? "\n" : "*/");
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + (is_line ? 1 : 2));
    }
    const auto is_letter = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    };
    const auto end = std::find_if_not(rest.begin(), rest.end(), is_letter);
    const std::string word = common::lower(rest.substr(0, static_cast<std::size_t>(end - rest.begin())));
    if (word == "call" || word == "do") return true;
  }
  return false;
}

}  // namespace cleat::postgresql
