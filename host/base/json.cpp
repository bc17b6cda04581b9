#include "base/json.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/json_text.hpp"
#include "base/json_walk.hpp"

namespace cleat::json {
namespace {

constexpr std::size_t kFirstCapacity = 4096;
constexpr std::size_t kKeptCapacity = 1 << 20;  // of text; the index of its tokens takes four times that

// Where a control character stands inside a string, for the error text only.
std::size_t find_control_character(std::string_view text) {
  bool inside = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') inside = !inside;
    if (!inside) continue;
    if (static_cast<unsigned char>(text[at]) < 0x20) return at;
    if (text[at] == '\\') ++at;
  }
  return std::string_view::npos;
}

// The text up to the end of its first value, going by brackets and quotes only: whether that value is good is
// found out afterwards. What follows may be anything.
std::string_view first_value(std::string_view text) {
  std::size_t depth = 0;
  bool started = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (is_space(c) || c == ',' || c == ':') {
      if (started && depth == 0) return text.substr(0, at);
      continue;
    }
    started = true;
    if (c == '{' || c == '[') ++depth;
    if (c == '"') {
      while (++at < text.size() && text[at] != '"')
        at += text[at] == '\\' ? 1 : 0;
      if (at >= text.size()) return text;
    }
    if (c == '}' || c == ']') {
      if (depth <= 1) return text.substr(0, at + 1);
      --depth;
    }
  }
  return text;
}

// Finds where the tokens of a text are. This is simdjson's first stage, which also checks UTF-8, quotes and
// control characters; the grammar is checked over the tokens by Walk and not by simdjson's second stage,
// because that refuses numbers beyond 64 bits.
class Tokens {
 public:
  Result<> find(std::string_view text);
  [[nodiscard]] std::span<const std::uint32_t> get() const {
    return {parser_->structural_indexes.get(), parser_->n_structural_indexes};
  }
  // Gives the memory back that a large text needed.
  void shrink() {
    if (parser_ != nullptr && parser_->capacity() > kKeptCapacity) parser_.reset();
  }

 private:
  bool grow(std::size_t size);

  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser_;
};

bool Tokens::grow(std::size_t size) {
  if (parser_ != nullptr && parser_->capacity() >= size) return true;
  const std::size_t capacity = std::max(kFirstCapacity, size + size / 4);
  const auto error =
      simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, parser_);
  if (error != simdjson::SUCCESS) parser_.reset();
  return error == simdjson::SUCCESS;
}

Result<> Tokens::find(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), is_space)) return fail("EOF");
  const auto error = !grow(text.size()) ? simdjson::CAPACITY
                                        : parser_->stage1(reinterpret_cast<const std::uint8_t*>(text.data()),
                                                          text.size(), simdjson::stage1_mode::regular);
  switch (error) {
    case simdjson::SUCCESS:
      return {};
    case simdjson::UNCLOSED_STRING:
      return invalid_character(text, text.size(), "'\"'");
    case simdjson::UTF8_ERROR:
      return invalid_character(text, find_invalid_utf8(text), "valid UTF-8");
    case simdjson::UNESCAPED_CHARS:
      return invalid_character(text, find_control_character(text), "no control character in a string");
    default:
      return fail(fmt::format("a JSON text of {} bytes is larger than can be read", text.size()));
  }
}

}  // namespace

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return "a boolean";
    case Kind::number:
      return "a number";
    case Kind::string:
      return "a string";
    case Kind::array:
      return "an array";
    case Kind::object:
      return "an object";
  }
  return "another value";
}

struct Reader::Impl {
  Tokens tokens;
};

Reader::Reader() : impl_(std::make_unique<Impl>()) {}
Reader::~Reader() = default;

Result<std::vector<Member>> Reader::read_object(std::string_view text, Trailing trailing) {
  if (trailing == Trailing::ignore) text = first_value(text);
  if (auto found = impl_->tokens.find(text); !found) return found.error();
  Walk walk(text, impl_->tokens.get());
  std::vector<Member> members;
  Slice slice;
  const bool is_object = walk.current() == '{';
  const bool good = is_object
                        ? walk.object(0,
                                      [&](std::string_view key) {
                                        Member& member = members.emplace_back(Member{unescape(key), {}});
                                        return walk.value(member.value, 1);
                                      })
                        : walk.value(slice);
  const bool ended = good && walk.end();
  impl_->tokens.shrink();
  if (!ended) return std::move(walk.error());
  if (!is_object && slice.kind != Kind::null)
    return fail(fmt::format("expected an object, found {}", name_of(slice.kind)));
  return members;
}

Result<std::vector<Member>> Reader::members(Slice object) {
  if (object.kind != Kind::object)
    return fail(fmt::format("expected an object, found {}", name_of(object.kind)));
  return read_object(object.raw);
}

Result<std::vector<Slice>> Reader::elements(Slice array) {
  if (array.kind != Kind::array) return fail(fmt::format("expected an array, found {}", name_of(array.kind)));
  if (auto found = impl_->tokens.find(array.raw); !found) return found.error();
  Walk walk(array.raw, impl_->tokens.get());
  std::vector<Slice> elements;
  const bool good = walk.array(0, [&] { return walk.value(elements.emplace_back(), 1); }) && walk.end();
  impl_->tokens.shrink();
  if (!good) return std::move(walk.error());
  return elements;
}

Result<Slice> Reader::read_value(std::string_view text) {
  if (auto found = impl_->tokens.find(text); !found) return found.error();
  Walk walk(text, impl_->tokens.get());
  Slice value;
  const bool good = walk.value(value) && walk.end();
  impl_->tokens.shrink();
  if (!good) return std::move(walk.error());
  return value;
}

Result<> Reader::walk(std::string_view text, const std::function<bool(Walk&)>& visit) {
  if (auto found = impl_->tokens.find(text); !found) return found.error();
  Walk walk(text, impl_->tokens.get());
  const bool good = visit(walk) && walk.end();
  impl_->tokens.shrink();
  if (!good) return std::move(walk.error());
  return {};
}

Result<std::string> Reader::text_of(Slice string) {
  if (string.kind != Kind::string)
    return fail(fmt::format("expected a string, found {}", name_of(string.kind)));
  return Result<std::string>(boost::system::in_place_value,
                             unescape(string.raw.substr(1, string.raw.size() - 2)));
}

void append_minified(std::string& out, std::string_view checked) {
  // simdjson writes in blocks of 64 bytes, so a little beyond what it keeps.
  constexpr std::size_t kSlack = 64;
  const std::size_t before = out.size();
  out.resize(before + checked.size() + kSlack);
  std::size_t length = 0;
  const auto error = simdjson::minify(checked.data(), checked.size(), out.data() + before, length);
  out.resize(before + (error == simdjson::SUCCESS ? length : 0));
  if (error != simdjson::SUCCESS) out.append(checked);
}

const Value* Value::find(std::string_view name) const {
  const auto found = std::find_if(members.rbegin(), members.rend(),
                                  [&](const Member& member) { return member.key == name; });
  return found == members.rend() ? nullptr : &found->value;
}

Result<Value> parse(std::string_view text) {
  Tokens tokens;
  if (auto found = tokens.find(text); !found) return found.error();
  Walk walk(text, tokens.get());
  Value value;
  if (!walk.tree(value) || !walk.end()) return std::move(walk.error());
  return value;
}

}  // namespace cleat::json
