#include "common/aws/message_attributes.hpp"

#include <algorithm>
#include <array>

#include "common/grpc_metadata.hpp"
#include "common/text.hpp"

namespace cleat::aws {
namespace {

constexpr std::size_t kMost = 10;

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view each) { return common::equal_ignoring_case(each, name); });
}

bool is_attribute_name(std::string_view name) {
  const bool has_dots =
      name.front() == '.' || name.back() == '.' || name.find("..") != std::string_view::npos;
  return name.size() <= 256 && !has_dots && !is_one_of(name.substr(0, 4), {"aws."}) &&
         !is_one_of(name.substr(0, 7), {"amazon."}) && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                  c == '_' || c == '.';
         });
}

void add(MessageAttributes& to, std::string_view name, std::string_view value) {
  if (name.empty() || !is_attribute_name(name))
    throw Error(CLEAT_INVALID, "metadata '" + std::string(name) +
                                   "': expected a name of letters, digits, '-', '_' and '.', not beginning "
                                   "with AWS. or Amazon.: it is sent as a message attribute");
  if (!is_sendable(value))
    throw Error(CLEAT_INVALID, "metadata '" + std::string(name) +
                                   "': expected text that is not empty, it is sent as a message attribute");
  if (to.size() == kMost)
    throw Error(CLEAT_INVALID,
                "metadata: expected at most 10 entries that become message attributes, found more");
  to.emplace_back(name, value);
}

}  // namespace

MessageAttributes attributes_of(const Request& request, std::initializer_list<std::string_view> ours) {
  MessageAttributes out;
  const std::array<std::pair<std::string_view, cleat_str>, 3> trace{
      {{"traceparent", request.raw().traceparent},
       {"tracestate", request.raw().tracestate},
       {"baggage", request.raw().baggage}}};
  const cleat_map& metadata = request.raw().metadata;
  for (std::size_t i = 0; i < metadata.count; ++i) {
    const std::string_view name = view(metadata.items[i].key), value = view(metadata.items[i].value);
    const bool is_trace = std::any_of(trace.begin(), trace.end(), [&](const auto& each) {
      return common::equal_ignoring_case(each.first, name);
    });
    if (!is_trace && !is_one_of(name, ours) && !common::is_of_grpc(name, value)) add(out, name, value);
  }
  for (const auto& [name, value] : trace) {
    if (out.size() < kMost && is_sendable(view(value))) add(out, name, view(value));
  }
  return out;
}

bool is_sendable(std::string_view text) {
  if (text.empty()) return false;
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned first = at(i);
    if (first < 0x80) {
      if (first < 0x20 && first != '\t' && first != '\n' && first != '\r') return false;
      ++i;
      continue;
    }
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || i + length > text.size()) return false;
    unsigned value = first & (0x7FU >> length);
    for (std::size_t k = 1; k < length; ++k) {
      if ((at(i + k) & 0xC0U) != 0x80) return false;
      value = value << 6U | (at(i + k) & 0x3FU);
    }
    const bool is_too_long = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
    const bool is_surrogate = value >= 0xD800 && value < 0xE000;
    if (is_too_long || is_surrogate || value == 0xFFFE || value == 0xFFFF || value > 0x10FFFF) return false;
    i += length;
  }
  return true;
}

}  // namespace cleat::aws
