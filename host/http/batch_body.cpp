#include "http/batch_body.hpp"

#include <fmt/format.h>

#include <bit>
#include <functional>

#include "base/json_text.hpp"
#include "base/json_walk.hpp"
#include "base/text.hpp"
#include "http/data_text.hpp"

namespace cleat::http {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kFrameBytes = 256;  ///< about what an entry needs beside its own text

// As JSON readers that fold names would take it: "Cleat-Attempt" and "cleat_attempt" are the host's too.
bool is_hosts_name(std::string_view name) {
  return name.size() >= 6 && (name[5] == '-' || name[5] == '_') && iequals(name.substr(0, 5), "cleat");
}

/// One of the names that an answer's members have, in any case, as the key between its quotes.
bool is_name(std::string_view key, std::string_view name) {
  if (key == name) return true;
  if (key.find('\\') == std::string_view::npos) return iequals(key, name);
  return iequals(json::unescape(key), name);
}

}  // namespace

void PieceSet::reset(std::size_t most) {
  pieces_.clear();
  if (most <= kFew) {
    slots_.clear();
  } else {
    slots_.assign(std::bit_ceil(2 * most + 1), 0);
  }
}

std::size_t PieceSet::slot_of(std::string_view text, std::string_view piece) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = std::hash<std::string_view>{}(piece)&mask;
  while (slots_[slot] != 0 && text_of(text, slots_[slot] - 1) != piece)
    slot = (slot + 1) & mask;
  return slot;
}

bool PieceSet::add(std::string_view text, std::size_t begin) {
  const std::string_view piece = text.substr(begin);
  if (slots_.empty()) {
    if (find(text, piece)) return false;
  } else {
    const std::size_t slot = slot_of(text, piece);
    if (slots_[slot] != 0) return false;
    slots_[slot] = static_cast<std::uint32_t>(pieces_.size() + 1);
  }
  pieces_.push_back({begin, piece.size()});
  return true;
}

std::optional<std::size_t> PieceSet::find(std::string_view text, std::string_view piece,
                                          std::size_t hint) const {
  if (hint < pieces_.size() && text_of(text, hint) == piece) return hint;
  if (!slots_.empty()) {
    const std::uint32_t number = slots_[slot_of(text, piece)];
    return number == 0 ? std::nullopt : std::optional<std::size_t>(number - 1);
  }
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    if (text_of(text, i) == piece) return i;
  }
  return std::nullopt;
}

void PieceSet::shrink(std::size_t kept_bytes) {
  if (pieces_.capacity() * sizeof(Piece) <= kept_bytes &&
      slots_.capacity() * sizeof(std::uint32_t) <= kept_bytes)
    return;
  *this = PieceSet();
}

void BatchBody::write(const Batch& batch, json::Reader& reader, WallText& wall) {
  size_ = batch.events.size();
  ids_.reset(size_);
  std::size_t expected = 2;
  for (const Event* event : batch.events)
    expected += event->weight() + kFrameBytes;
  text_.clear();
  text_.reserve(expected);
  for (std::size_t i = 0; i < size_; ++i) {
    text_ += i == 0 ? '[' : ',';
    write_entry(*batch.events[i], i, reader, wall);
  }
  text_ += ']';
}

void BatchBody::write_entry(const Event& event, std::size_t place, json::Reader& reader, WallText& wall) {
  text_ += R"({"entryId":)"sv;
  write_id(event, place);
  text_ += ',';
  append_data(text_, event.data(), reader);
  text_ += R"(,"contentType":)"sv;
  json::append_string(text_, event.content_type());
  if (!event.traceparent().empty()) {
    text_ += R"(,"traceparent":)"sv;
    json::append_string(text_, event.traceparent());
  }
  if (!event.tracestate().empty()) {
    text_ += R"(,"tracestate":)"sv;
    json::append_string(text_, event.tracestate());
  }
  write_metadata(event, wall);
  text_ += '}';
}

// Compared as it is written: two ids that differ only in invalid UTF-8 are one to the application.
void BatchBody::write_id(const Event& event, std::size_t place) {
  const std::size_t begin = text_.size();
  std::string_view id = event.source_id();
  std::string made;
  if (id.empty()) id = made = fmt::format("#{}", event.id);
  json::append_string(text_, id);
  while (!ids_.add(text_, begin)) {
    text_.pop_back();
    text_ += fmt::format("#{}\"", place);
  }
}

// No other name is one of the host's two, so those need not be remembered.
void BatchBody::write_metadata(const Event& event, WallText& wall) {
  names_.reset(event.metadata_count());
  const fmt::format_int attempt(attempt_of(event));
  text_ += R"(,"metadata":{"cleat-attempt":")"sv;
  text_.append(attempt.data(), attempt.size());
  text_ += '"';
  if (event.first_seen_wall_ns != 0) {
    text_ += R"(,"cleat-first-seen":")"sv;
    text_ += wall.of(event.first_seen_wall_ns);
    text_ += '"';
  }
  constexpr std::string_view kOfSource = "cleat-src-";
  for (std::uint32_t i = 0; i < event.metadata_count(); ++i) {
    const std::string_view name = event.metadata_key(i), value = event.metadata_value(i);
    if (!is_hosts_name(name) && write_member("", name, value)) continue;
    write_member(kOfSource, name, value);
  }
  text_ += '}';
}

// False: the name is taken, nothing is written.
bool BatchBody::write_member(std::string_view prefix, std::string_view name, std::string_view value) {
  const std::size_t before = text_.size();
  text_ += ',';
  const std::size_t begin = text_.size();
  if (prefix.empty()) {
    json::append_string(text_, name);
  } else {
    scratch_.assign(prefix).append(name);
    json::append_string(text_, scratch_);
  }
  if (!names_.add(text_, begin)) {
    text_.resize(before);
    return false;
  }
  text_ += ':';
  json::append_string(text_, value);
  return true;
}

// Most applications write the ids with the escapes that we wrote, and in our order; others are brought to these.
std::optional<std::size_t> BatchBody::find_id(std::string_view raw, std::size_t hint) const {
  if (const auto found = ids_.find(text_, raw, hint)) return found;
  if (raw.find('\\') == std::string_view::npos) return std::nullopt;
  return ids_.find(text_, json::quoted(json::unescape(raw.substr(1, raw.size() - 2))));
}

std::vector<std::optional<Verdict>> BatchBody::read_answer(std::string_view answer,
                                                           json::Reader& reader) const {
  std::vector<std::optional<Verdict>> verdicts;
  const auto read = reader.walk(answer, [&](json::Walk& walk) {
    json::Slice other;
    if (walk.current() != '{') return walk.value(other);
    return walk.object(0, [&](std::string_view key) {
      if (!is_name(key, "statuses")) return walk.value(other, 1);
      verdicts.assign(size_, std::nullopt);  // of members with one name the last counts
      return walk.current() == '[' ? read_statuses(walk, verdicts) : walk.value(other, 1);
    });
  });
  if (!read) verdicts.clear();
  verdicts.resize(size_);
  return verdicts;
}

bool BatchBody::read_statuses(json::Walk& walk, std::vector<std::optional<Verdict>>& verdicts) const {
  std::vector<bool> mentioned(size_);
  std::size_t next = 0;
  json::Slice id, status, other;
  const auto read_member = [&](std::string_view key) {
    return walk.value(is_name(key, "entryId") ? id : is_name(key, "status") ? status : other, 3);
  };
  return walk.array(1, [&] {
    if (walk.current() != '{') return walk.value(other, 2);
    id = status = json::Slice();
    if (!walk.object(2, read_member)) return false;
    const auto place = id.kind == json::Kind::string ? find_id(id.raw, next) : std::nullopt;
    if (!place) return true;
    std::optional<Verdict> verdict;
    if (status.kind == json::Kind::string)
      verdict = verdict_of_word(status.raw.substr(1, status.raw.size() - 2));
    if (!mentioned[*place]) {
      verdicts[*place] = verdict;
    } else if (verdicts[*place] != verdict) {
      verdicts[*place].reset();
    }
    mentioned[*place] = true;
    next = *place + 1;
    return true;
  });
}

void BatchBody::shrink(std::size_t kept_bytes) {
  if (text_.capacity() > kept_bytes) text_ = std::string();
  if (scratch_.capacity() > kept_bytes) scratch_ = std::string();
  ids_.shrink(kept_bytes);
  names_.shrink(kept_bytes);
}

}  // namespace cleat::http
