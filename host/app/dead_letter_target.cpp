#include "app/dead_letter_target.hpp"

#include <cleat/plugin.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/metadata.hpp"

namespace cleat {
namespace {

const std::string* find(const Pairs& pairs, std::string_view name) {
  const auto found =
      std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == name; });
  return found == pairs.end() ? nullptr : &found->second;
}

/// "tcp://Kafka-1:9092/x" to "kafka-1:9092".
std::string plain_server(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
  return to_lower(text.substr(0, text.find('/')));
}

/// A port that is left out is the type's usual one, which nobody says here: it may be any.
bool is_same_server(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto has_prefix = [](const std::string& text, const std::string& host) {
    return text.size() > host.size() + 1 && text.compare(0, host.size(), host) == 0 &&
           text[host.size()] == ':' &&
           text.find_first_not_of("0123456789", host.size() + 1) == std::string::npos;
  };
  return has_prefix(a, b) || has_prefix(b, a);
}

bool have_common_server(std::string_view a, std::string_view b) {
  const std::vector<std::string> left = split_list(a);
  const std::vector<std::string> right = split_list(b);
  return std::any_of(left.begin(), left.end(), [&](const std::string& one) {
    return std::any_of(right.begin(), right.end(), [&](const std::string& other) {
      return is_same_server(plain_server(one), plain_server(other));
    });
  });
}

class Way {
 public:
  Way(const LetterEnd& source, const LetterEnd& target, const Pairs& metadata, const Pairs& source_values,
      const Pairs& target_values)
      : source_(source),
        target_(target),
        metadata_(metadata),
        source_values_(source_values),
        target_values_(target_values) {}

  [[nodiscard]] Result<> check() const {
    bool needs_one = false;
    bool has_one = false;
    for (const Field& field : target_.type.fields) {
      if (!field.is_destination()) continue;
      needs_one = true;
      const std::optional<std::string> place = destination(field);
      if (!place) continue;
      has_one = true;
      if (const Field* const read = reads(*place)) {
        return fail(
            fmt::format("expected a target that does not write to its own source, found '{}', which writes "
                        "to '{}' ({}), and '{}' reads "
                        "that ({}): its dead letters would come back as events. Write them somewhere else",
                        target_.component.name, *place, field.name, source_.component.name, read->name));
      }
    }
    if (needs_one && !has_one) return fail(missing());
    return {};
  }

 private:
  /// Nothing: neither the request nor the component says it.
  [[nodiscard]] std::optional<std::string> destination(const Field& field) const {
    const std::string* given = field.request_key.empty() ? nullptr : find(metadata_, field.request_key);
    if (given == nullptr || trim(*given).empty()) given = find(target_values_, field.name);
    if (given == nullptr || trim(*given).empty()) return std::nullopt;
    return std::string(trim(*given));
  }

  /// The field by which the source's component reads this place.
  [[nodiscard]] const Field* reads(const std::string& place) const {
    if (source_.type.type != target_.type.type || !is_same_far_end()) return nullptr;
    for (const Field& field : source_.type.fields) {
      if (!field.is_source()) continue;
      const std::string* const value = find(source_values_, field.name);
      if (value == nullptr) continue;
      const std::vector<std::string> places = split_list(*value);
      if (std::find(places.begin(), places.end(), place) != places.end()) return &field;
    }
    return nullptr;
  }

  [[nodiscard]] bool is_same_far_end() const {
    return std::all_of(source_.type.fields.begin(), source_.type.fields.end(), [this](const Field& field) {
      if (field.names != Field::Names::server) return true;
      const std::string* const ours = find(source_values_, field.name);
      const std::string* const theirs = find(target_values_, field.name);
      return ours == nullptr || theirs == nullptr || have_common_server(*ours, *theirs);
    });
  }

  [[nodiscard]] std::string missing() const {
    std::vector<std::string> ways;
    for (const Field& field : target_.type.fields) {
      if (!field.is_destination()) continue;
      ways.push_back(fmt::format("'{}' in its component", field.name));
      if (!field.request_key.empty())
        ways.push_back(fmt::format("'{}' in deadLetterMetadata", field.request_key));
    }
    return fmt::format("'{}' is missing a place to write to: expected {}", target_.component.name,
                       fmt::join(ways, " or "));
  }

  const LetterEnd& source_;
  const LetterEnd& target_;
  const Pairs& metadata_;
  const Pairs& source_values_;
  const Pairs& target_values_;
};

}  // namespace

Result<> check_letter_destination(const LetterEnd& source, const Pairs& source_values,
                                  const LetterEnd& target, const Pairs& metadata) {
  const Result<CheckedMetadata> theirs = check_metadata(target.component, target.type);
  if (!theirs) return {};
  if (theirs->host.direction_given && (theirs->host.directions & CLEAT_OUT) == 0)
    return fail(fmt::format("expected an output component, found '{}', whose direction is input",
                            target.component.name));
  return Way(source, target, metadata, source_values, theirs->plugin).check();
}

}  // namespace cleat
