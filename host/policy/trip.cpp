#include "policy/trip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <variant>
#include <vector>

#include "base/suggest.hpp"
#include "base/text.hpp"
#include "policy/trip_token.hpp"

namespace cleat {
namespace {

constexpr std::size_t kMaxLength = 1'000;
constexpr unsigned kMaxDepth = 32;
constexpr std::uint32_t kDefaultFailures = 5;

constexpr std::array<std::string_view, 5> kCounterNames{"requests", "totalSuccesses", "totalFailures",
                                                        "consecutiveSuccesses", "consecutiveFailures"};
constexpr std::array<std::uint32_t BreakerCounts::*, 5> kCounters{
    &BreakerCounts::requests, &BreakerCounts::total_successes, &BreakerCounts::total_failures,
    &BreakerCounts::consecutive_successes, &BreakerCounts::consecutive_failures};

/// A counter, or a number that is written out.
struct Operand {
  std::uint32_t BreakerCounts::*counter = nullptr;
  std::uint64_t number = 0;

  [[nodiscard]] std::uint64_t value(const BreakerCounts& counts) const {
    return counter == nullptr ? number : counts.*counter;
  }
};

bool compare(std::string_view sign, std::uint64_t left, std::uint64_t right) {
  if (sign == "==") return left == right;
  if (sign == "!=") return left != right;
  if (sign == "<") return left < right;
  if (sign == "<=") return left <= right;
  return sign == ">" ? left > right : left >= right;
}

}  // namespace

struct Trip::Node {
  enum class Kind : std::uint8_t { all, any, negation, comparison };

  Kind kind = Kind::comparison;
  std::vector<Node> parts = {};  ///< all, any: two or more; negation: one
  std::string sign = {};         ///< comparison
  Operand left = {}, right = {};

  [[nodiscard]] bool holds(const BreakerCounts& counts) const {
    const auto part_holds = [&counts](const Node& part) { return part.holds(counts); };
    switch (kind) {
      case Kind::all:
        return std::all_of(parts.begin(), parts.end(), part_holds);
      case Kind::any:
        return std::any_of(parts.begin(), parts.end(), part_holds);
      case Kind::negation:
        return !parts.front().holds(counts);
      case Kind::comparison:
        return compare(sign, left.value(counts), right.value(counts));
    }
    return false;
  }
};

namespace {

/// A part of the condition and where it begins: a number, or something that holds or not.
struct Term {
  TripToken begin;
  std::variant<Operand, Trip::Node> value;

  [[nodiscard]] const Operand* number() const { return std::get_if<Operand>(&value); }
};

/// Recursive descent, in the order of CEL: || binds least, then &&, comparisons, !.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), token_(next_trip_token(text, 0)) {}

  Result<Trip::Node> parse() {
    auto whole = any_of();
    if (!whole) return whole.error();
    if (token_.kind != TripToken::Kind::end) return unexpected("'&&', '||' or the end");
    return condition(std::move(*whole), "a comparison such as 'consecutiveFailures > 5'");
  }

 private:
  using Part = Result<Term> (Parser::*)();

  TripToken take() {
    const TripToken taken = token_;
    token_ = next_trip_token(text_, taken.at - 1 + taken.text.size());
    return taken;
  }

  [[nodiscard]] Error unexpected(std::string_view expected) const {
    const TripToken next = next_trip_token(text_, token_.at - 1 + token_.text.size());
    return fault(token_.at, expected, token_.shown() + trip_token_hint(token_, next));
  }

  static Error fault(std::size_t at, std::string_view expected, std::string_view found) {
    return fail(fmt::format("at character {}: expected {}, found {}", at, expected, found));
  }

  static Result<Trip::Node> condition(Term term, std::string_view expected) {
    if (term.number() != nullptr) return fault(term.begin.at, expected, term.begin.shown());
    return std::get<Trip::Node>(std::move(term.value));
  }

  Result<Term> any_of() { return joined("||", Trip::Node::Kind::any, &Parser::all_of); }
  Result<Term> all_of() { return joined("&&", Trip::Node::Kind::all, &Parser::comparison); }

  Result<Term> joined(std::string_view sign, Trip::Node::Kind kind, Part part) {
    auto term = (this->*part)();
    if (!term || !token_.is_sign(sign)) return term;
    const TripToken begin = term->begin;
    const std::string expected = fmt::format("a comparison on both sides of '{}'", sign);
    Trip::Node whole{.kind = kind};
    while (true) {
      auto node = condition(std::move(*term), expected);
      if (!node) return node.error();
      whole.parts.push_back(std::move(*node));
      if (!token_.is_sign(sign)) return Term{begin, std::move(whole)};
      take();
      term = (this->*part)();
      if (!term) return term;
    }
  }

  Result<Term> comparison() {
    auto left = negation();
    if (!left || !token_.is_comparison()) return left;
    const TripToken sign = take();
    auto right = negation();
    if (!right) return right;
    for (const Term* side : {&*left, &*right}) {
      if (side->number() != nullptr) continue;
      return fault(side->begin.at, fmt::format("a counter or a whole number beside '{}'", sign.text),
                   "a condition");
    }
    if (token_.is_comparison())
      return fault(token_.at, "'&&', '||' or the end", token_.shown() + ": join two comparisons with '&&'");
    return Term{
        left->begin,
        Trip::Node{.sign = std::string(sign.text), .left = *left->number(), .right = *right->number()}};
  }

  Result<Term> negation() {
    if (!token_.is_sign("!")) return primary();
    const TripToken begin = take();
    if (++depth_ > kMaxDepth) return too_deep(begin);
    auto term = negation();
    --depth_;
    if (!term) return term;
    auto node = condition(std::move(*term), "a comparison in parentheses after '!'");
    if (!node) return node.error();
    Trip::Node whole{.kind = Trip::Node::Kind::negation};
    whole.parts.push_back(std::move(*node));
    return Term{begin, std::move(whole)};
  }

  Result<Term> primary() {
    if (token_.is_sign("(")) return group();
    if (token_.kind == TripToken::Kind::number) return number();
    if (token_.kind == TripToken::Kind::name) return counter();
    return unexpected("a counter, a whole number, '!' or '('");
  }

  Result<Term> group() {
    const TripToken begin = take();
    if (++depth_ > kMaxDepth) return too_deep(begin);
    auto inside = any_of();
    --depth_;
    if (!inside) return inside;
    if (!token_.is_sign(")")) {
      return unexpected(fmt::format("')' for the '(' at character {}", begin.at));
    }
    take();
    return inside;
  }

  Result<Term> number() {
    const auto value = parse_integer(token_.text);
    if (!value) return unexpected("a whole number in decimal digits");
    return Term{take(), Operand{nullptr, static_cast<std::uint64_t>(*value)}};
  }

  Result<Term> counter() {
    const auto known = std::find(kCounterNames.begin(), kCounterNames.end(), token_.text);
    if (known != kCounterNames.end())
      return Term{take(), Operand{kCounters[static_cast<std::size_t>(known - kCounterNames.begin())], 0}};
    const Error plain = unexpected(fmt::format("one of {}", fmt::join(kCounterNames, ", ")));
    if (plain.text.ends_with(token_.shown())) {
      const std::string_view meant = nearest_name(token_.text, kCounterNames);
      if (!meant.empty()) return fail(fmt::format("{}: did you mean '{}'?", plain.text, meant));
    }
    return plain;
  }

  static Error too_deep(const TripToken& at) {
    return fault(at.at, fmt::format("at most {} levels of '!' and parentheses", kMaxDepth), "more");
  }

  std::string_view text_;
  TripToken token_;
  unsigned depth_ = 0;
};

}  // namespace

Trip::Trip()
    : root_(std::make_shared<const Node>(Node{.sign = ">",
                                              .left = {&BreakerCounts::consecutive_failures, 0},
                                              .right = {nullptr, kDefaultFailures}})) {}

Result<Trip> Trip::parse(std::string_view text) {
  if (text.size() > kMaxLength)
    return fail(fmt::format("expected at most {} characters, found {}", kMaxLength, text.size()));
  auto root = Parser(text).parse();
  if (!root) return root.error();
  return Trip(std::make_shared<const Node>(std::move(*root)));
}

bool Trip::holds(const BreakerCounts& counts) const {
  return root_->holds(counts);
}

}  // namespace cleat
