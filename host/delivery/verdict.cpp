#include "delivery/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"

namespace cleat {
namespace {

constexpr unsigned kLeastStatus = 100, kMostStatus = 599;

std::optional<Verdict> verdict_of_name(std::string_view name) {
  if (iequals(name, "ack")) return Verdict::ack;
  if (iequals(name, "retry")) return Verdict::retry;
  if (iequals(name, "dead-letter")) return Verdict::dead_letter;
  if (iequals(name, "drop")) return Verdict::drop;
  return std::nullopt;
}

// An application's own words may be in any encoding; what is asked of it is plain ASCII and is not lost for them.
std::string legible(std::string_view text) {
  std::string copy(text);
  if (json::find_invalid_utf8(text) != std::string_view::npos) {
    std::replace_if(
        copy.begin(), copy.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  }
  return copy;
}

std::optional<unsigned> status_of(std::string_view text) {
  const auto number = parse_integer(trim(text));
  if (!number || *number < kLeastStatus || *number > kMostStatus) return std::nullopt;
  return static_cast<unsigned>(*number);
}

}  // namespace

std::string describe(const Answer& answer) {
  if (answer.outcome == Outcome::answered) return fmt::format("the application answered {}", answer.status);
  return std::string(answer.error.empty() ? "the attempt was cut" : answer.error);
}

std::optional<Verdict> verdict_of_word(std::string_view word) {
  if (iequals(word, "SUCCESS")) return Verdict::ack;
  if (iequals(word, "RETRY")) return Verdict::retry;
  if (iequals(word, "DROP")) return Verdict::drop;
  if (iequals(word, "DEADLETTER")) return Verdict::dead_letter;
  return std::nullopt;
}

Verdicts::Verdicts() {
  const auto fill = [this](unsigned from, unsigned to, Meaning meaning) {
    std::fill(meanings_.begin() + from, meanings_.begin() + to + 1, meaning);
  };
  fill(0, 199, Meaning::misconfigured);
  fill(200, 299, Meaning::ack);
  fill(300, 399, Meaning::misconfigured);
  fill(400, 499, Meaning::refused);
  for (const unsigned status : {401U, 403U, 404U, 405U, 407U})
    meanings_[status] = Meaning::misconfigured;
  for (const unsigned status : {408U, 425U, 429U})
    meanings_[status] = Meaning::retry;
  fill(500, 599, Meaning::retry);
}

Result<> Verdicts::set(std::string_view delivery_status) {
  for (const std::string& entry : split_list(delivery_status)) {
    const auto bad = [&entry] {
      return fail(fmt::format(
          "expected a status or a range of 100 to 599, a colon and ack, retry, dead-letter or drop, such as "
          "400-499:dead-letter, found '{}'",
          entry));
    };
    const std::size_t colon = entry.find(':');
    if (colon == std::string::npos) return bad();
    const std::string_view codes = std::string_view(entry).substr(0, colon);
    const auto verdict = verdict_of_name(trim(std::string_view(entry).substr(colon + 1)));
    const std::size_t dash = codes.find('-');
    const auto from = status_of(codes.substr(0, dash));
    const auto to = dash == std::string_view::npos ? from : status_of(codes.substr(dash + 1));
    if (!verdict || !from || !to || *from > *to) return bad();
    constexpr std::array<Meaning, 4> kMeanings{Meaning::ack, Meaning::retry, Meaning::dead_letter,
                                               Meaning::drop};
    std::fill(meanings_.begin() + *from, meanings_.begin() + *to + 1,
              kMeanings[static_cast<std::size_t>(*verdict)]);
  }
  return {};
}

bool Verdicts::asks_for_dead_letter() const {
  return std::find(meanings_.begin(), meanings_.end(), Meaning::dead_letter) != meanings_.end();
}

Judgement Verdicts::judge(const Answer& answer, bool has_target, std::uint64_t wall_ns) const {
  Judgement judgement;
  if (answer.outcome != Outcome::answered) return judgement;
  switch (meanings_[std::min(answer.status, kMostStatus)]) {
    case Meaning::ack:
      judgement.verdict = read_bodies_ && answer.is_success() ? verdict_of_body(answer.body) : Verdict::ack;
      break;
    case Meaning::dead_letter:
      judgement.verdict = Verdict::dead_letter;
      break;
    case Meaning::drop:
      judgement.verdict = Verdict::drop;
      break;
    case Meaning::refused:
      judgement.verdict = has_target ? Verdict::dead_letter : Verdict::retry;
      break;
    case Meaning::misconfigured:
      judgement.misconfigured = true;
      break;
    case Meaning::retry:
      break;
  }
  if (judgement.verdict != Verdict::retry) return judgement;
  const auto wait = parse_retry_after(answer.retry_after, wall_ns);
  judgement.pauses = answer.status == 429 || (answer.status == 503 && wait);
  if (judgement.pauses && wait) judgement.pause_ns = std::min(*wait, max_retry_after_ns_);
  return judgement;
}

// A body without a status is that of an application that does not speak this way, and its 2xx counts. A word that nobody
// knows may mean anything, so the event comes again.
Verdict Verdicts::verdict_of_body(std::string_view body) const {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  const std::string_view text = trim(body);
  if (text.empty() || text.front() != '{') return Verdict::ack;
  const auto parsed = json::parse(legible(text));
  if (!parsed) return Verdict::ack;
  const auto& members = parsed->members;
  const auto found =
      std::find_if(members.rbegin(), members.rend(), [](const auto& m) { return iequals(m.key, "status"); });
  if (found == members.rend()) return Verdict::ack;
  const json::Value& status = found->value;
  if (!status.is(json::Kind::string)) return Verdict::retry;
  return status.text.empty() ? Verdict::ack : verdict_of_word(status.text).value_or(Verdict::retry);
}

std::optional<std::uint64_t> parse_retry_after(std::string_view text, std::uint64_t wall_ns) {
  text = trim(text);
  if (text.empty()) return std::nullopt;
  // What is longer is as good as for ever, and does not overflow.
  constexpr std::int64_t kMost = 1'000'000'000;
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    return static_cast<std::uint64_t>(std::min(parse_integer(text).value_or(kMost), kMost)) * kSecond;
  }
  for (const char* form :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"}) {
    std::tm parts{};
    const std::string copy(text);
    const char* const end = ::strptime(copy.c_str(), form, &parts);
    if (end == nullptr || *end != '\0') continue;
    const std::int64_t at = ::timegm(&parts);
    const auto now = static_cast<std::int64_t>(wall_ns / kSecond);
    return at <= now ? 0 : static_cast<std::uint64_t>(std::min(at - now, kMost)) * kSecond;
  }
  return std::nullopt;
}

}  // namespace cleat
