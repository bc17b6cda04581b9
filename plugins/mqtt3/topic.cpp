#include "topic.hpp"

#include "wire.hpp"

namespace cleat::mqtt {
namespace {

constexpr std::size_t kMostBytes = 65'535;

std::string text_fault(std::string_view text) {
  if (text.empty()) return "expected at least one character, found none";
  if (text.size() > kMostBytes) return "expected at most 65535 bytes, found " + std::to_string(text.size());
  if (!is_mqtt_text(text)) return "expected UTF-8 without U+0000";
  return {};
}

std::string wildcard_fault(std::string_view filter) {
  for (std::size_t i = 0; i < filter.size(); ++i) {
    if (filter[i] != '+' && filter[i] != '#') continue;
    const bool begins = i == 0 || filter[i - 1] == '/';
    const bool ends = i + 1 == filter.size() || filter[i + 1] == '/';
    if (!begins || !ends) return "expected + and # to stand alone between slashes";
    if (filter[i] == '#' && i + 1 != filter.size()) return "expected # at the end only";
  }
  return {};
}

}  // namespace

std::string topic_fault(std::string_view topic) {
  if (std::string fault = text_fault(topic); !fault.empty()) return fault;
  if (topic.find_first_of("+#") != std::string_view::npos)
    return "expected a topic without the wildcards + and #, because one cannot publish to several";
  return {};
}

std::string filter_fault(std::string_view filter) {
  if (std::string fault = text_fault(filter); !fault.empty()) return fault;
  constexpr std::string_view kShare = "$share/";
  if (filter.substr(0, kShare.size()) == kShare) {
    const std::string_view rest = filter.substr(kShare.size());
    const std::size_t slash = rest.find('/');
    const std::string_view group = rest.substr(0, slash);
    if (slash == std::string_view::npos || slash + 1 == rest.size() || group.empty() ||
        group.find_first_of("+#") != std::string_view::npos)
      return "expected $share/<group>/<topic filter>";
    filter = rest.substr(slash + 1);
  }
  return wildcard_fault(filter);
}

}  // namespace cleat::mqtt
