#include "policy/trip_token.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace cleat {
namespace {

constexpr std::array<std::string_view, 6> kComparisons{"==", "!=", "<=", ">=", "<", ">"};
/// Longer signs first.
constexpr std::array<std::string_view, 11> kSigns{
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

std::size_t sign_length(std::string_view rest) {
  const auto sign = std::find_if(kSigns.begin(), kSigns.end(),
                                 [rest](std::string_view known) { return rest.starts_with(known); });
  return sign == kSigns.end() ? 0 : sign->size();
}

std::string name_hint(std::string_view name, bool is_called) {
  if (is_called) return ": functions are not served";
  if (name == "and") return ": did you mean '&&'?";
  if (name == "or") return ": did you mean '||'?";
  if (name == "not") return ": did you mean '!'?";
  if (name == "in") return ": the operator 'in' is not served";
  if (name == "true" || name == "false" || name == "null") return ": only whole numbers may be written out";
  return {};
}

std::string character_hint(char c) {
  switch (c) {
    case '&':
      return ": did you mean '&&'?";
    case '|':
      return ": did you mean '||'?";
    case '=':
      return ": did you mean '=='?";
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return ": arithmetic and negative numbers are not served";
    case '\'':
    case '"':
      return ": text is not served";
    case '[':
    case ']':
    case '{':
    case '}':
      return ": lists and maps are not served";
    case '?':
    case ':':
      return ": a choice with '?' and ':' is not served";
    case '.':
      return ": fields and methods are not served";
    default:
      return {};
  }
}

}  // namespace

bool TripToken::is_comparison() const {
  return kind == Kind::sign &&
         std::find(kComparisons.begin(), kComparisons.end(), text) != kComparisons.end();
}

std::string TripToken::shown() const {
  return kind == Kind::end ? "the end" : fmt::format("'{}'", text.substr(0, 60));
}

TripToken next_trip_token(std::string_view text, std::size_t from) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n", from), text.size());
  const std::string_view rest = text.substr(begin);
  const auto token = [&](TripToken::Kind kind, std::size_t length) {
    return TripToken{kind, rest.substr(0, length), begin + 1};
  };
  if (rest.empty()) return token(TripToken::Kind::end, 0);
  if (const std::size_t length = sign_length(rest)) return token(TripToken::Kind::sign, length);
  const bool is_number = is_digit(rest.front());
  std::size_t length = 0;
  // "1.5", "0x10" and "5u" are one wrong number each, not three tokens.
  while (length < rest.size() && (is_word(rest[length]) || (is_number && rest[length] == '.')))
    ++length;
  if (length > 0) return token(is_number ? TripToken::Kind::number : TripToken::Kind::name, length);
  // A character of several bytes stays whole in the message.
  length = 1;
  while (length < rest.size() && (static_cast<unsigned char>(rest[length]) & 0xC0U) == 0x80U)
    ++length;
  return token(TripToken::Kind::other, length);
}

std::string trip_token_hint(const TripToken& token, const TripToken& next) {
  if (token.kind == TripToken::Kind::name) return name_hint(token.text, next.is_sign("("));
  if (token.kind == TripToken::Kind::other) return character_hint(token.text.front());
  return {};
}

}  // namespace cleat
