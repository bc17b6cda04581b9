#include "listing.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

#include "attributes.hpp"

namespace cleat::bucket {
namespace {

using common::JsonValue;

constexpr std::size_t kMostOfAPage = 1000;
// A page of 1,000 objects, each with the rules of who may read it.
constexpr common::JsonBounds kBounds{64, 2'000'000};

std::uint64_t number_of(const std::string& digits) {
  std::uint64_t out = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), out);
  return out;
}

}  // namespace

ListQuery list_query_of(const Request& request, const char* operation) {
  const JsonValue asked = object_of(request, operation);
  ListQuery out;
  out.prefix = text_in(asked, "prefix", operation);
  out.delimiter = text_in(asked, "delimiter", operation);
  out.page_token = text_in(asked, "pageToken", operation);
  if (const JsonValue* const most = asked.find_in_any_case("maxResults")) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(most->raw.data(), most->raw.data() + most->raw.size(), number);
    if (error != std::errc() || end != most->raw.data() + most->raw.size() || number > kMostListed)
      refuse_data(operation, "maxResults: expected a whole number up to 100000");
    if (number != 0) out.most = number;
  }
  return out;
}

Listing::Listing(Storage& storage, google::ServiceRequest request, ListQuery query, Done done)
    : storage_(storage), request_(std::move(request)), query_(std::move(query)), done_(std::move(done)) {}

void Listing::begin() {
  google::ServiceRequest out = request_;
  out.query = {{"maxResults", std::to_string(std::min(query_.most - found_.size(), kMostOfAPage))},
               {"projection", "full"}};
  if (!query_.prefix.empty()) out.query.emplace_back("prefix", query_.prefix);
  if (!query_.delimiter.empty()) out.query.emplace_back("delimiter", query_.delimiter);
  if (!query_.page_token.empty()) out.query.emplace_back("pageToken", query_.page_token);
  storage_.ask(std::move(out),
               [self = shared_from_this()](common::HttpResponse* answer, const google::Failure* failure) {
                 if (failure != nullptr) return self->done_(nullptr, {}, failure);
                 self->answered(*answer);
               });
}

void Listing::answered(const common::HttpResponse& answer) {
  try {
    const JsonValue page = common::parse_json(answer.body, kBounds);
    if (const JsonValue* const items = page.find("items")) {
      for (const JsonValue& item : items->items)
        found_.push_back({text_of(item, "name"), attributes_of(item), number_of(text_of(item, "size"))});
    }
    if (const JsonValue* const prefixes = page.find("prefixes")) {
      for (const JsonValue& prefix : prefixes->items)
        found_.push_back({{}, attributes_of_prefix(prefix.text), 0});
    }
    query_.page_token = text_of(page, "nextPageToken");
  } catch (const std::invalid_argument& error) {
    const google::Failure strange{
        CLEAT_REMOTE, true, 0, answer.status, {}, request_.what + ": the answer is no JSON: " + error.what()};
    return done_(nullptr, {}, &strange);
  }
  if (query_.page_token.empty() || found_.size() >= query_.most)
    return done_(&found_, query_.page_token, nullptr);
  begin();
}

}  // namespace cleat::bucket
