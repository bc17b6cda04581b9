#include "names.hpp"

#include <algorithm>

namespace cleat::nats {
namespace {

/// A line of the protocol holds at most 4,096 bytes, and besides the subject a reply subject and sizes.
constexpr std::size_t kLongestSubject = 2'048;
constexpr std::size_t kLongestName = 255;

bool is_blank_or_control(char c) {
  return static_cast<unsigned char>(c) <= ' ' || c == 0x7f;
}

std::string at(std::size_t index) {
  return " at place " + std::to_string(index + 1);
}

/// The fault of a part of a subject, `is_last`: nothing comes after it.
std::string part_fault(std::string_view part, bool is_last, bool is_filter) {
  if (part.empty()) return "has an empty part between its dots";
  if (part == "*" || part == ">") {
    if (!is_filter) return "has a wildcard, and only reading knows wildcards";
    if (part == ">" && !is_last) return "has a '>' that is not its last part";
  }
  return {};
}

std::string fault(std::string_view subject, bool is_filter) {
  if (subject.empty()) return "is empty";
  if (subject.size() > kLongestSubject)
    return "has " + std::to_string(subject.size()) + " bytes, allowed are " + std::to_string(kLongestSubject);
  const auto* blank = std::find_if(subject.begin(), subject.end(), is_blank_or_control);
  if (blank != subject.end())
    return "has a blank or control character" + at(static_cast<std::size_t>(blank - subject.begin()));
  std::size_t begin = 0;
  for (;;) {
    const std::size_t dot = std::min(subject.find('.', begin), subject.size());
    if (std::string found = part_fault(subject.substr(begin, dot - begin), dot == subject.size(), is_filter);
        !found.empty())
      return found;
    if (dot == subject.size()) return {};
    begin = dot + 1;
  }
}

}  // namespace

std::string subject_fault(std::string_view subject) {
  return fault(subject, false);
}

std::string filter_fault(std::string_view subject) {
  return fault(subject, true);
}

std::string name_fault(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > kLongestName)
    return "has " + std::to_string(name.size()) + " bytes, allowed are " + std::to_string(kLongestName);
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (is_blank_or_control(name[i]) || std::string_view(".*>/\\").find(name[i]) != std::string_view::npos)
      return "has a character that NATS does not allow in a name (a blank, '.', '*', '>', '/', '\\')" + at(i);
  }
  return {};
}

std::string header_name_fault(std::string_view name) {
  if (name.empty()) return "is empty";
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (is_blank_or_control(name[i]) || name[i] == ':' || static_cast<unsigned char>(name[i]) > 0x7e)
      return "has a character that no name of a header may have" + at(i);
  }
  return {};
}

std::string header_value_fault(std::string_view value) {
  const std::size_t found = value.find_first_of(std::string_view("\r\n\0", 3));
  return found == std::string_view::npos
             ? std::string()
             : "has a line end or a zero byte" + at(found) + ", which no value of a header may have";
}

}  // namespace cleat::nats
