#include "config/field_readers.hpp"

#include "base/json.hpp"
#include "config/field_value.hpp"

namespace cleat {
namespace {

constexpr std::size_t kLongestShown = 100;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

}  // namespace

void expected(HostFieldTarget& target, std::string_view what, std::string_view value) {
  target.faults.push_back(fmt::format("expected {}, found '{}'", what, value.substr(0, kLongestShown)));
}

void read_whole(HostFieldTarget& target, std::string_view value, std::uint32_t least, std::uint32_t most,
                std::uint32_t& field) {
  if (trim(value).empty()) return;
  const auto number = parse_integer(trim(value));
  if (number && *number >= least && *number <= most) {
    field = static_cast<std::uint32_t>(*number);
  } else {
    expected(target, fmt::format("a whole number from {} to {}", least, most), value);
  }
}

void read_time(HostFieldTarget& target, std::string_view value, std::uint64_t& field_ns) {
  if (trim(value).empty()) return;
  const auto time = parse_duration(trim(value), kNsPerSecond);
  if (time && *time >= 0) {
    field_ns = static_cast<std::uint64_t>(*time);
  } else {
    expected(target, "a duration such as 30s, or a number of seconds", value);
  }
}

void read_flag(HostFieldTarget& target, std::string_view value, bool& flag) {
  if (const auto boolean = boolean_of(value)) {
    flag = *boolean;
  } else {
    expected(target, "true or false", value);
  }
}

void read_names(HostFieldTarget& target, std::string_view value, std::vector<std::string>& field) {
  if (!trim(value).starts_with('[')) {
    field = split_list(value);
    return;
  }
  const auto list = json::parse(trim(value));
  std::vector<std::string> names;
  bool all_names = list.has_value() && list->is(json::Kind::array);
  if (all_names) {
    for (const json::Value& name : list->items) {
      all_names = all_names && name.is(json::Kind::string);
      names.push_back(name.text);
    }
  }
  if (all_names) {
    field = std::move(names);
  } else {
    expected(target, "names with commas between them, or a list of names", value);
  }
}

}  // namespace cleat
