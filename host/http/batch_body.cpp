#include "http/batch_body.hpp"

#include <fmt/format.h>

#include <bit>
#include <functional>

#include "base/text.hpp"
#include "http/data_text.hpp"

namespace cleat::http {
namespace {

constexpr std::size_t kFrameBytes = 256;  ///< about what an entry needs beside its own text

// As JSON readers that fold names would take it: "Cleat-Attempt" and "cleat_attempt" are the host's too.
bool is_hosts_name(std::string_view name) {
  return name.size() >= 6 && iequals(name.substr(0, 5), "cleat") && (name[5] == '-' || name[5] == '_');
}

const json::Member* find_member(const std::vector<json::Member>& members, std::string_view name) {
  const json::Member* found = nullptr;
  for (const json::Member& member : members) {
    if (member.key.size() == name.size() && iequals(member.key, name)) found = &member;
  }
  return found;
}

}  // namespace

void PieceSet::reset(std::size_t most) {
  pieces_.clear();
  slots_.assign(std::bit_ceil(2 * most + 1), 0);
}

std::size_t PieceSet::slot_of(std::string_view text, std::string_view piece) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = std::hash<std::string_view>{}(piece)&mask;
  while (slots_[slot] != 0) {
    const Piece& there = pieces_[slots_[slot] - 1];
    if (text.substr(there.begin, there.size) == piece) break;
    slot = (slot + 1) & mask;
  }
  return slot;
}

bool PieceSet::add(std::string_view text, std::size_t begin) {
  const std::size_t slot = slot_of(text, text.substr(begin));
  if (slots_[slot] != 0) return false;
  pieces_.push_back({begin, text.size() - begin});
  slots_[slot] = static_cast<std::uint32_t>(pieces_.size());
  return true;
}

std::optional<std::size_t> PieceSet::find(std::string_view text, std::string_view piece) const {
  if (slots_.empty()) return std::nullopt;
  const std::uint32_t number = slots_[slot_of(text, piece)];
  return number == 0 ? std::nullopt : std::optional<std::size_t>(number - 1);
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
  text_ += "{\"entryId\":";
  write_id(event, place);
  text_ += ',';
  append_data(text_, event.data(), reader);
  text_ += ",\"contentType\":";
  json::append_string(text_, event.content_type());
  if (!event.traceparent().empty()) {
    text_ += ",\"traceparent\":";
    json::append_string(text_, event.traceparent());
  }
  if (!event.tracestate().empty()) {
    text_ += ",\"tracestate\":";
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

void BatchBody::write_metadata(const Event& event, WallText& wall) {
  names_.reset(2 + event.metadata_count());
  text_ += ",\"metadata\":{";
  write_member("", "cleat-attempt", fmt::format_int(attempt_of(event)).c_str());
  if (event.first_seen_wall_ns != 0) write_member("", "cleat-first-seen", wall.of(event.first_seen_wall_ns));
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
  if (text_.back() != '{') text_ += ',';
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

// Most applications write an id with the escapes that we wrote; others are brought to these.
std::optional<std::size_t> BatchBody::find_id(std::string_view raw, json::Reader& reader) const {
  if (const auto found = ids_.find(text_, raw)) return found;
  const auto id = reader.text_of({json::Kind::string, raw});
  return id ? ids_.find(text_, json::quoted(*id)) : std::nullopt;
}

std::vector<std::optional<Verdict>> BatchBody::read_answer(std::string_view answer,
                                                           json::Reader& reader) const {
  std::vector<std::optional<Verdict>> verdicts(size_);
  const auto members = reader.read_object(answer);
  const json::Member* const statuses = members ? find_member(*members, "statuses") : nullptr;
  if (statuses == nullptr) return verdicts;
  const auto entries = reader.elements(statuses->value);
  if (!entries) return verdicts;
  std::vector<bool> mentioned(size_);
  for (const json::Slice& entry : *entries) {
    const auto said = reader.members(entry);
    const json::Member* const id = said ? find_member(*said, "entryId") : nullptr;
    if (id == nullptr || id->value.kind != json::Kind::string) continue;
    const auto place = find_id(id->value.raw, reader);
    if (!place) continue;
    const json::Member* const status = find_member(*said, "status");
    std::optional<Verdict> verdict;
    if (status != nullptr && status->value.kind == json::Kind::string)
      verdict = verdict_of_word(status->value.raw.substr(1, status->value.raw.size() - 2));
    if (!mentioned[*place]) {
      verdicts[*place] = verdict;
    } else if (verdicts[*place] != verdict) {
      verdicts[*place].reset();
    }
    mentioned[*place] = true;
  }
  return verdicts;
}

void BatchBody::shrink(std::size_t kept_bytes) {
  if (text_.capacity() > kept_bytes) text_ = std::string();
  if (scratch_.capacity() > kept_bytes) scratch_ = std::string();
  ids_.shrink(kept_bytes);
  names_.shrink(kept_bytes);
}

}  // namespace cleat::http
