#include "zone.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace cleat::cron {
namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::size_t kMaxZoneFile = 1 << 20;

/// The parts of a zone file in order; every read is checked against the end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  std::string_view take(std::size_t count) {
    if (count > rest_.size()) throw std::invalid_argument("the zone file ends too early");
    const std::string_view part = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return part;
  }
  std::int64_t big_endian(std::size_t width) {
    std::uint64_t value = 0;
    for (const char byte : take(width))
      value = value << 8 | static_cast<unsigned char>(byte);
    return width == 4 ? static_cast<std::int32_t>(static_cast<std::uint32_t>(value))
                      : static_cast<std::int64_t>(value);
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

struct Header {
  char version = 0;
  std::size_t utc_marks = 0, standard_marks = 0, leaps = 0, changes = 0, types = 0, chars = 0;
};

Header read_header(Reader& reader) {
  if (reader.take(4) != "TZif")
    throw std::invalid_argument("the file is not a zone file (it does not begin with TZif)");
  Header header;
  header.version = reader.take(1)[0];
  reader.take(15);
  for (std::size_t* count : {&header.utc_marks, &header.standard_marks, &header.leaps, &header.changes,
                             &header.types, &header.chars}) {
    *count = static_cast<std::size_t>(static_cast<std::uint32_t>(reader.big_endian(4)));
    if (*count > kMaxZoneFile) throw std::invalid_argument("the zone file has a senseless table size");
  }
  return header;
}

/// The days since 1970 on which a rule's change falls in `year`.
std::int64_t change_day(const ZoneRule::Change& change, int year) {
  using namespace std::chrono;
  const auto as_year = std::chrono::year(year);
  const sys_days january_first = as_year / January / 1;
  switch (change.kind) {
    case ZoneRule::Change::Kind::julian: {
      const bool after_february =
          as_year.is_leap() && change.day >= 60;  // this form never counts February 29
      return january_first.time_since_epoch().count() + change.day - 1 + (after_february ? 1 : 0);
    }
    case ZoneRule::Change::Kind::zero_based:
      return january_first.time_since_epoch().count() + change.day;
    case ZoneRule::Change::Kind::month_week_day:
      break;
  }
  const auto month_of = as_year / std::chrono::month(static_cast<unsigned>(change.month));
  const std::chrono::weekday weekday_of(static_cast<unsigned>(change.day));
  const sys_days day = change.week == 5 ? sys_days(month_of / weekday_of[last])
                                        : sys_days(month_of / weekday_of[static_cast<unsigned>(change.week)]);
  return day.time_since_epoch().count();
}

int year_of(UnixSeconds when) {
  // Beyond the calendar of <chrono> nothing is asked; the clamp keeps the arithmetic defined.
  const std::int64_t day = std::clamp<std::int64_t>(when / kDay, -10'000'000, 10'000'000);
  return static_cast<int>(std::chrono::year_month_day(std::chrono::sys_days(std::chrono::days(day))).year());
}

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  std::string bytes(kMaxZoneFile, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  if (bytes.empty()) return std::nullopt;
  return bytes;
}

std::vector<std::filesystem::path> zone_directories() {
  std::vector<std::filesystem::path> directories;
  if (const char* own = std::getenv("TZDIR"); own != nullptr && *own != '\0') directories.emplace_back(own);
  directories.insert(directories.end(), {"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"});
  return directories;
}

}  // namespace

Zone Zone::parse(std::string name, std::string_view bytes) {
  Reader reader(bytes);
  Header header = read_header(reader);
  std::size_t width = 4;
  if (header.version != 0) {  // since version 2 the same tables follow once more with 64 bits
    reader.take(header.changes * 5 + header.types * 6 + header.chars + header.leaps * 8 +
                header.standard_marks + header.utc_marks);
    header = read_header(reader);
    width = 8;
  }
  Zone zone(std::move(name));
  std::vector<UnixSeconds> begins(header.changes);
  for (UnixSeconds& begin : begins)
    begin = reader.big_endian(width);
  if (!std::is_sorted(begins.begin(), begins.end()))
    throw std::invalid_argument("the zone file's changes are not in order");
  const std::string_view type_of = reader.take(header.changes);
  std::vector<std::int32_t> offsets(header.types);
  for (std::int32_t& offset : offsets) {
    offset = static_cast<std::int32_t>(reader.big_endian(4));
    reader.take(2);
  }
  if (offsets.empty()) throw std::invalid_argument("the zone file names no offset");
  zone.first_offset_ = offsets.front();
  for (std::size_t i = 0; i < begins.size(); ++i) {
    const auto type = static_cast<unsigned char>(type_of[i]);
    if (type >= offsets.size())
      throw std::invalid_argument("the zone file names an offset that it does not have");
    const UnixSeconds end = i + 1 < begins.size() ? begins[i + 1] : std::numeric_limits<UnixSeconds>::max();
    zone.periods_.push_back({begins[i], end, offsets[type]});
  }
  reader.take(header.chars + header.leaps * (width + 4) + header.standard_marks + header.utc_marks);
  if (width == 8 && reader.rest().size() > 2) {
    const std::string_view footer = reader.rest().substr(1);
    zone.rule_ = parse_zone_rule(footer.substr(0, footer.find('\n')));
  }
  return zone;
}

Zone::Period Zone::period_at(UnixSeconds when) const {
  if (periods_.empty() || when < periods_.front().begin) {
    if (periods_.empty() && rule_) return period_by_rule(when, std::numeric_limits<UnixSeconds>::min());
    Period first;
    first.offset = first_offset_;
    if (!periods_.empty()) first.end = periods_.front().begin;
    return first;
  }
  const auto after = std::upper_bound(periods_.begin(), periods_.end(), when,
                                      [](UnixSeconds at, const Period& period) { return at < period.begin; });
  const Period& found = *std::prev(after);
  if (after != periods_.end() || !rule_) return found;
  return period_by_rule(when, found.begin);
}

Zone::Period Zone::period_by_rule(UnixSeconds when, UnixSeconds not_before) const {
  Period period;
  period.begin = not_before;
  period.offset = rule_->standard;
  if (!rule_->has_summer) return period;
  const int year = year_of(when);
  std::vector<std::pair<UnixSeconds, std::int32_t>> changes;
  for (int y = year - 1; y <= year + 1; ++y) {
    changes.emplace_back(change_day(rule_->begin, y) * kDay + rule_->begin.time - rule_->standard,
                         rule_->summer);
    changes.emplace_back(change_day(rule_->end, y) * kDay + rule_->end.time - rule_->summer, rule_->standard);
  }
  std::sort(changes.begin(), changes.end());
  for (const auto& [at, offset] : changes) {
    if (at > when) {
      period.end = at;
      break;
    }
    period.begin = std::max(at, not_before);
    period.offset = offset;
  }
  return period;
}

Zone Zone::named(std::string_view name) {
  if (name.empty() || name == "UTC") return utc();
  if (name == "Local") return local();
  const std::string text(name);
  const bool outside =
      name.find("..") != std::string_view::npos || name.front() == '/' || name.front() == '\\';
  if (!outside) {
    for (const auto& directory : zone_directories()) {
      if (const auto bytes = read_file(directory / text)) return parse(text, *bytes);
    }
  }
  throw std::invalid_argument("provided bad location " + text +
                              ": no time zone of this name is installed; use a name of the IANA list such as "
                              "Europe/Berlin, and install the tzdata package if it is missing");
}

Zone Zone::local() {
  Zone zone("Local");
  const char* setting = std::getenv("TZ");
  std::optional<std::string> bytes;
  if (setting == nullptr) {
    bytes = read_file("/etc/localtime");
  } else {
    std::string name = *setting == ':' ? setting + 1 : setting;
    if (!name.empty() && name.front() == '/') bytes = read_file(name);
    for (const auto& directory : zone_directories()) {
      if (name.empty() || bytes) break;
      bytes = read_file(directory / name);
    }
    if (!bytes) zone.rule_ = parse_zone_rule(name);
  }
  try {
    if (bytes) return parse("Local", *bytes);
  } catch (const std::invalid_argument&) {
    return Zone("Local");  // unreadable is UTC, as for Go's programs
  }
  return zone;
}

}  // namespace cleat::cron
