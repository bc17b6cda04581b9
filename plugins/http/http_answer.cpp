#include "http_answer.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "common/text.hpp"

namespace cleat::http {
namespace {

std::string_view words_of(int status) {
  constexpr std::array<std::pair<int, std::string_view>, 27> kWords{{{200, "OK"},
                                                                     {201, "Created"},
                                                                     {202, "Accepted"},
                                                                     {204, "No Content"},
                                                                     {206, "Partial Content"},
                                                                     {301, "Moved Permanently"},
                                                                     {302, "Found"},
                                                                     {303, "See Other"},
                                                                     {304, "Not Modified"},
                                                                     {307, "Temporary Redirect"},
                                                                     {308, "Permanent Redirect"},
                                                                     {400, "Bad Request"},
                                                                     {401, "Unauthorized"},
                                                                     {403, "Forbidden"},
                                                                     {404, "Not Found"},
                                                                     {405, "Method Not Allowed"},
                                                                     {408, "Request Timeout"},
                                                                     {409, "Conflict"},
                                                                     {410, "Gone"},
                                                                     {412, "Precondition Failed"},
                                                                     {422, "Unprocessable Entity"},
                                                                     {429, "Too Many Requests"},
                                                                     {500, "Internal Server Error"},
                                                                     {501, "Not Implemented"},
                                                                     {502, "Bad Gateway"},
                                                                     {503, "Service Unavailable"},
                                                                     {504, "Gateway Timeout"}}};
  const auto* const known =
      std::find_if(kWords.begin(), kWords.end(), [&](const auto& each) { return each.first == status; });
  return known != kWords.end() ? known->second : std::string_view();
}

}  // namespace

std::string status_line(const common::HttpResponse& answer) {
  const std::string_view words =
      answer.reason.empty() ? words_of(answer.status) : std::string_view(answer.reason);
  return std::to_string(answer.status) + (words.empty() ? "" : " " + std::string(words));
}

std::string canonical_name(std::string_view name) {
  std::string out = common::lower(name);
  bool is_first = true;
  for (char& c : out) {
    if (is_first && c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
    is_first = c == '-';
  }
  return out;
}

Response to_response(common::HttpResponse&& answer) {
  Response out;
  out.metadata.emplace_back("statusCode", std::to_string(answer.status));
  out.metadata.emplace_back("status", status_line(answer));
  for (const auto& [given, value] : answer.headers) {
    std::string name = canonical_name(given);
    // The two above are the truth about the answer; a header of such a name would hide one.
    if (common::equal_ignoring_case(name, "status") || common::equal_ignoring_case(name, "statusCode"))
      continue;
    if (name == "Content-Type") out.content_type = value;
    const auto known = std::find_if(out.metadata.begin(), out.metadata.end(),
                                    [&](const auto& each) { return each.first == name; });
    if (known == out.metadata.end()) {
      out.metadata.emplace_back(std::move(name), value);
    } else {
      known->second += ", " + value;
    }
  }
  out.data = Buffer::of(std::move(answer.body));
  return out;
}

bool may_be_repeated(int status, bool is_idempotent) {
  if (status == 429 || status == 503) return true;
  return is_idempotent && status >= 500 && status != 501;
}

}  // namespace cleat::http
