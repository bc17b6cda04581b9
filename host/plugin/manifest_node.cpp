#include "plugin/manifest_node.hpp"

#include <cleat/plugin.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace cleat {
namespace {

using json::Kind;
using json::Value;

bool is_scalar(const Value& value) {
  return value.is(Kind::string) || value.is(Kind::number) || value.is(Kind::boolean);
}

}  // namespace

void ManifestNode::fault(std::string_view text) const {
  faults_->push_back(where_.empty() ? std::string(text) : fmt::format("{}: {}", where_, text));
}

const Value* ManifestNode::member(std::string_view name, Kind wanted) const {
  const Value* found = value_->find(name);
  if (found == nullptr || found->is(wanted)) return found;
  fault(fmt::format("\"{}\" must be {}, not {}", name, json::name_of(wanted), json::name_of(found->kind)));
  return nullptr;
}

std::string ManifestNode::text(std::string_view name) const {
  const Value* found = member(name, Kind::string);
  return found == nullptr ? std::string() : found->text;
}

std::string ManifestNode::required_text(std::string_view name) const {
  if (!has(name)) fault(fmt::format("\"{}\" is missing", name));
  const Value* found = member(name, Kind::string);
  if (found == nullptr) return {};
  if (found->text.empty()) fault(fmt::format("\"{}\" is empty", name));
  return found->text;
}

bool ManifestNode::flag(std::string_view name) const {
  const Value* found = member(name, Kind::boolean);
  return found != nullptr && found->text == "true";
}

std::uint32_t ManifestNode::count(std::string_view name, std::uint32_t most) const {
  const Value* found = member(name, Kind::number);
  if (found == nullptr) return 0;
  const auto number = parse_integer(found->text);
  if (number && *number >= 0 && *number <= most) return static_cast<std::uint32_t>(*number);
  fault(fmt::format("\"{}\" must be a whole number from 0 to {}, not {}", name, most, found->text));
  return 0;
}

std::optional<std::string> ManifestNode::scalar(std::string_view name) const {
  const Value* found = value_->find(name);
  if (found == nullptr) return std::nullopt;
  if (is_scalar(*found)) return found->text;
  fault(fmt::format("\"{}\" must be a string, a number or a boolean, not {}", name,
                    json::name_of(found->kind)));
  return std::nullopt;
}

std::vector<std::string> ManifestNode::scalars(std::string_view name) const {
  std::vector<std::string> all;
  const Value* list = member(name, Kind::array);
  if (list == nullptr) return all;
  for (const Value& item : list->items) {
    if (is_scalar(item)) {
      all.push_back(item.text);
    } else {
      fault(fmt::format("\"{}\" must hold strings, numbers or booleans, not {}", name,
                        json::name_of(item.kind)));
    }
  }
  return all;
}

std::vector<std::string> ManifestNode::names(std::string_view name) const {
  std::vector<std::string> all;
  const Value* list = member(name, Kind::array);
  if (list == nullptr) return all;
  for (const Value& item : list->items) {
    if (!item.is(Kind::string)) {
      fault(fmt::format("\"{}\" must hold strings, not {}", name, json::name_of(item.kind)));
    } else if (item.text.empty()) {
      fault(fmt::format("\"{}\" holds an empty name", name));
    } else {
      all.push_back(item.text);
    }
  }
  return all;
}

std::uint32_t ManifestNode::directions() const {
  std::uint32_t all = 0;
  for (const std::string& direction : names("directions")) {
    if (direction == "input") {
      all |= CLEAT_IN;
    } else if (direction == "output") {
      all |= CLEAT_OUT;
    } else {
      fault(fmt::format("direction \"{}\" must be \"input\" or \"output\"", direction));
    }
  }
  return all;
}

std::vector<ManifestNode> ManifestNode::objects(std::string_view name, std::size_t most) const {
  std::vector<ManifestNode> all;
  const Value* list = member(name, Kind::array);
  if (list == nullptr) return all;
  if (list->items.size() > most) {
    fault(fmt::format("\"{}\" has {} entries, the most is {}", name, list->items.size(), most));
  }
  const std::string prefix = where_.empty() ? "" : where_ + " ";
  for (std::size_t i = 0; i < std::min(list->items.size(), most); ++i) {
    ManifestNode node(list->items[i], fmt::format("{}{}[{}]", prefix, name, i), *faults_);
    if (list->items[i].is(Kind::object)) {
      all.push_back(std::move(node));
    } else {
      node.fault(fmt::format("must be an object, not {}", json::name_of(list->items[i].kind)));
    }
  }
  return all;
}

}  // namespace cleat
