#include "config/metadata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/suggest.hpp"
#include "config/fed_retry.hpp"
#include "config/field_value.hpp"
#include "config/host_field_rules.hpp"
#include "config/host_fields.hpp"

namespace cleat {
namespace {

constexpr std::string_view kRoute = "route";
constexpr std::size_t kLongestShown = 100;

/// One name of the component's metadata with the item that counts.
struct Given {
  std::string name, value;
  bool is_used = false, is_of_host = false;
};

/// Whether an empty value says something for this field, instead of nothing.
bool takes_empty(const Field& field) {
  if (field.type == Field::Type::boolean) return true;
  return field.allowed.empty() && (field.type == Field::Type::string || field.type == Field::Type::list);
}

class Checker {
 public:
  Checker(const Component& component, const BindingType& type) : component_(component), type_(type) {
    result_.host.directions = type.directions;
  }

  Result<CheckedMetadata> run() {
    collect();
    read_host_fields();
    for (const Field& field : type_.fields)
      read_field(field);
    feed_retry();
    check_unknown();
    if (faults_.empty()) return std::move(result_);
    return fail(fmt::format("{} ({}) has {}: {}", component_.where(), type_.type,
                            faults_.size() == 1 ? "a fault in its metadata"
                                                : fmt::format("{} faults in its metadata", faults_.size()),
                            fmt::join(faults_, "; ")));
  }

 private:
  void fault(std::string_view field, std::string_view text) {
    faults_.push_back(fmt::format("field '{}': {}", field, text));
  }

  void warn(std::string_view field, std::string_view text) {
    result_.warnings.push_back(fmt::format("{}: metadata field '{}' {}", component_.where(), field, text));
  }

  /// Unknown to Dapr means ignored there; here it is said, and with `strict` refused. Beside a fault it is one too: the
  /// field that is missing is often this one, misspelled.
  void object(std::string_view field, std::string_view text) {
    if (result_.host.strict || !faults_.empty()) {
      fault(field, text);
    } else {
      warn(field, fmt::format("{}: it is ignored", text));
    }
  }

  void collect() {
    for (const MetadataItem& item : component_.metadata) {
      // Dapr compares this one name exactly, so "Route" is another name and not the same one twice.
      const bool other_route = iequals(item.name, kRoute) && item.name != kRoute;
      const auto [place, is_new] = given_.try_emplace(other_route ? item.name : to_lower(item.name));
      Given& given = place->second;
      if (is_new) {
        given = {item.name, item.value};
      } else if (given.name != item.name) {
        fault(item.name,
              fmt::format("'{}' is the same name in another case: remove one of them", given.name));
      } else if (item.name == kRoute) {
        warn(item.name, "is given more than once: the first counts");
      } else {
        given.value = item.value;
        warn(item.name, "is given more than once: the last counts");
      }
    }
  }

  void read_host_fields() {
    for (auto& [key, given] : given_) {
      const HostField* field = find_host_field(given.name);
      if (field == nullptr || is_meant_for_the_type(*field, given)) continue;
      given.is_used = given.is_of_host = true;
      if (field->name == kRoute && given.name != kRoute) {
        wrong_route_.push_back(given.name);
      } else {
        read_host_field(*field, given);
      }
    }
    // After the loop, because only then is `strict` known.
    for (const std::string& name : wrong_route_)
      object(name, "must be written 'route' exactly, as in Dapr");
    use_what_is_enabled();
    Remarks remarks;
    const auto is_given = [this](std::string_view name) { return given_.count(to_lower(name)) != 0; };
    check_host_fields(result_.host, type_, is_given, remarks.faults, remarks.warnings);
    say(remarks);
  }

  /// Where the component does not say which directions it means, those that nothing of it enables are not meant.
  void use_what_is_enabled() {
    if (const auto said = given_.find("direction"); said != given_.end() && !trim(said->second.value).empty())
      return;
    const auto is_given = [this](const std::string& name) {
      const auto known = given_.find(to_lower(name));
      return known != given_.end() && !trim(known->second.value).empty();
    };
    std::uint32_t waiting = 0, enabled = 0;
    for (const Field& field : type_.fields) {
      if (!field.enables) continue;
      waiting |= field.directions;
      if (is_given(field.name) || std::any_of(field.aliases.begin(), field.aliases.end(), is_given))
        enabled |= field.directions;
    }
    result_.host.directions &= ~(waiting & ~enabled);
  }

  [[nodiscard]] bool is_meant_for_the_type(const HostField& field, const Given& given) const {
    return field.is_own_word != nullptr && !field.is_own_word(given.value) &&
           std::any_of(type_.fields.begin(), type_.fields.end(),
                       [&](const Field& one) { return iequals(one.name, field.name); });
  }

  void feed_retry() {
    const bool has_switch = std::any_of(type_.fields.begin(), type_.fields.end(), [](const Field& field) {
      return field.feeds == Field::Feeds::retry_enabled;
    });
    Remarks remarks;
    result_.host.fed_retry = fed_retry(fed_, has_switch, remarks.faults, remarks.warnings);
    say(remarks);
  }

  struct Remarks {
    std::vector<FieldRemark> faults, warnings;
  };
  void say(const Remarks& remarks) {
    for (const auto& [name, text] : remarks.faults)
      fault(name, text);
    for (const auto& [name, text] : remarks.warnings)
      warn(name, text);
  }

  void read_host_field(const HostField& field, const Given& given) {
    std::vector<std::string> faults;
    std::vector<std::string> warnings;
    HostFieldTarget target{result_.host, type_, faults, warnings};
    field.read(target, given.value);
    for (const std::string& text : faults)
      fault(given.name, text);
    for (const std::string& text : warnings)
      warn(given.name, text);
  }

  /// By the field's name, else by its first alias that is there.
  Given* find_given(const Field& field) {
    Given* found = nullptr;
    std::vector<std::string> names = field.aliases;
    names.insert(names.begin(), field.name);
    for (const std::string& name : names) {
      const auto known = given_.find(to_lower(name));
      if (known == given_.end()) continue;
      known->second.is_used = true;
      if (found == nullptr) {
        found = &known->second;
      } else {
        warn(known->second.name,
             fmt::format("is another name of '{}', which is given too: it is ignored", found->name));
      }
    }
    return found;
  }

  [[nodiscard]] bool is_in_use(const Field& field) const {
    const std::uint32_t directions = field.directions != 0 ? field.directions : type_.directions;
    return (directions & result_.host.directions) != 0;
  }

  void read_field(const Field& field) {
    const Given* given = find_given(field);
    if (given != nullptr && given->is_of_host) given = nullptr;
    if (given == nullptr || (trim(given->value).empty() && (field.required || !takes_empty(field)))) {
      return read_absent(field, given);
    }
    if (!field.deprecated.empty()) warn(given->name, fmt::format("is deprecated: {}", field.deprecated));
    if (auto value = normalise(field, given->value)) {
      if (field.feeds != Field::Feeds::nothing && is_in_use(field)) fed_[field.feeds] = {given->name, *value};
      result_.plugin.emplace_back(field.name, std::move(*value));
      return;
    }
    fault(given->name,
          fmt::format("expected {}, found {}", expected_value(field),
                      field.sensitive ? "something else (the value is not shown)"
                                      : fmt::format("'{}'", given->value.substr(0, kLongestShown))));
  }

  void read_absent(const Field& field, const Given* given) {
    if (!is_in_use(field)) return;
    if (field.required) {
      const bool has_example = !field.example.empty() && !field.sensitive;
      return fault(field.name, fmt::format("expected {}{}, found {}", expected_value(field),
                                           has_example ? fmt::format(" such as {}", field.example) : "",
                                           given == nullptr ? "nothing: it is required"
                                                            : "an empty value: it is required"));
    }
    if (!field.default_value) return;
    // The manifest was checked when it was read; a default that is no value would be a defect of ours.
    result_.plugin.emplace_back(field.name,
                                normalise(field, *field.default_value).value_or(*field.default_value));
  }

  [[nodiscard]] std::vector<std::string_view> known_names() const {
    std::vector<std::string_view> names;
    for (const Field& field : type_.fields) {
      names.emplace_back(field.name);
      names.insert(names.end(), field.aliases.begin(), field.aliases.end());
    }
    for (const HostField& field : host_fields())
      names.push_back(field.name);
    return names;
  }

  void check_unknown() {
    const auto names = known_names();
    for (const auto& [key, given] : given_) {
      if (given.is_used) continue;
      const std::string_view meant = nearest_name(given.name, names);
      object(given.name, meant.empty()
                             ? fmt::format("is not a field of {}", type_.type)
                             : fmt::format("is not a field of {}, did you mean '{}'?", type_.type, meant));
    }
  }

  const Component& component_;
  const BindingType& type_;
  CheckedMetadata result_;
  std::map<std::string, Given> given_;
  std::vector<std::string> wrong_route_;
  FedValues fed_;
  std::vector<std::string> faults_;
};

}  // namespace

Result<CheckedMetadata> check_metadata(const Component& component, const BindingType& type) {
  return Checker(component, type).run();
}

}  // namespace cleat
