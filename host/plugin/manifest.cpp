#include "plugin/manifest.hpp"

#include <cleat/plugin.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <system_error>
#include <utility>

#include "base/json.hpp"
#include "base/text.hpp"
#include "plugin/manifest_node.hpp"
#include "plugin/manifest_rules.hpp"

namespace cleat {
namespace {

using Faults = std::vector<std::string>;
using Node = ManifestNode;

constexpr std::size_t kMaxTypes = 256;
constexpr std::size_t kMaxFields = 512;
constexpr std::uint32_t kMaxConcurrency = 1'000'000;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kNsPerMs = 1'000'000;

constexpr std::array<std::pair<std::string_view, Field::Type>, 7> kFieldTypes{
    {{"string", Field::Type::string},
     {"integer", Field::Type::integer},
     {"number", Field::Type::number},
     {"boolean", Field::Type::boolean},
     {"duration", Field::Type::duration},
     {"size", Field::Type::size},
     {"list", Field::Type::list}}};

struct Feed {
  std::string_view name;
  Field::Feeds feeds;
  Field::Type type;
};

constexpr std::array<Feed, 9> kFeeds{
    {{"retryEnabled", Field::Feeds::retry_enabled, Field::Type::boolean},
     {"retryPolicy", Field::Feeds::retry_policy, Field::Type::string},
     {"retryDuration", Field::Feeds::retry_duration, Field::Type::duration},
     {"retryInitialInterval", Field::Feeds::retry_initial_interval, Field::Type::duration},
     {"retryMaxInterval", Field::Feeds::retry_max_interval, Field::Type::duration},
     {"retryMaxElapsed", Field::Feeds::retry_max_elapsed, Field::Type::duration},
     {"retryMultiplier", Field::Feeds::retry_multiplier, Field::Type::number},
     {"retryRandomization", Field::Feeds::retry_randomization, Field::Type::number},
     {"retryMaxRetries", Field::Feeds::retry_max_retries, Field::Type::integer}}};

constexpr std::array<std::pair<std::string_view, Field::Names>, 4> kNames{
    {{"server", Field::Names::server},
     {"source", Field::Names::source},
     {"destination", Field::Names::destination},
     {"both", Field::Names::both}}};

/// Remembers names without regard to case and says which one comes twice.
class Names {
 public:
  bool add(std::string_view name) { return seen_.insert(to_lower(name)).second; }

 private:
  std::set<std::string> seen_;
};

void read_field_type(const Node& node, Field& field) {
  const std::string type = node.text("type");
  const auto known =
      std::find_if(kFieldTypes.begin(), kFieldTypes.end(), [&](const auto& t) { return t.first == type; });
  if (known != kFieldTypes.end()) {
    field.type = known->second;
  } else if (!type.empty()) {
    node.fault(
        fmt::format("type \"{}\" must be string, integer, number, boolean, duration, size or list", type));
  }
  field.bare_unit = node.text("bare_unit");
  if (field.type == Field::Type::duration) {
    if (field.bare_unit.empty()) field.bare_unit = "s";
    if (field.bare_unit != "s" && field.bare_unit != "ms") {
      node.fault(fmt::format("\"bare_unit\" must be \"s\" or \"ms\", not \"{}\"", field.bare_unit));
    }
  } else if (!field.bare_unit.empty()) {
    node.fault("\"bare_unit\" is only for a duration");
  }
}

void read_feeds(const Node& node, Field& field, Names& fed) {
  const std::string name = node.text("feeds");
  if (name.empty()) return;
  const auto known =
      std::find_if(kFeeds.begin(), kFeeds.end(), [&](const Feed& feed) { return feed.name == name; });
  if (known == kFeeds.end()) {
    std::vector<std::string_view> names;
    for (const Feed& feed : kFeeds)
      names.push_back(feed.name);
    return node.fault(fmt::format("\"feeds\" must be one of {}, not \"{}\"", fmt::join(names, ", "), name));
  }
  field.feeds = known->feeds;
  if (field.type != known->type) {
    const auto type = std::find_if(kFieldTypes.begin(), kFieldTypes.end(),
                                   [&](const auto& t) { return t.second == known->type; });
    node.fault(fmt::format("a field that feeds {} must be of type {}", name, type->first));
  }
  if ((field.directions & CLEAT_IN) == 0) node.fault("\"feeds\" is only for a field of an input");
  if (!fed.add(name)) node.fault(fmt::format("two fields feed {}", name));
}

void read_names(const Node& node, Field& field) {
  const std::string what = node.text("names");
  const auto known =
      std::find_if(kNames.begin(), kNames.end(), [&](const auto& n) { return n.first == what; });
  if (known != kNames.end()) {
    field.names = known->second;
  } else if (!what.empty()) {
    node.fault(fmt::format("\"names\" must be server, source, destination or both, not \"{}\"", what));
  }
  if (field.names != Field::Names::nothing && field.type != Field::Type::string &&
      field.type != Field::Type::list) {
    node.fault("a field with \"names\" must be of type string or list");
  }
  if (field.is_source() && (field.directions & CLEAT_IN) == 0)
    node.fault("a source is only for a field of an input");
  if (field.is_destination() && (field.directions & CLEAT_OUT) == 0)
    node.fault("a destination is only for a field of an output");
  field.request_key = node.text("request_key");
  if (!field.request_key.empty() && !field.is_destination())
    node.fault("\"request_key\" is only for a field that names a destination");
}

void read_enables(const Node& node, Field& field, std::uint32_t type_directions) {
  field.enables = node.flag("enables");
  if (field.enables && (field.directions == type_directions || field.required))
    node.fault("\"enables\" is only for a field of one of the type's two directions that is not required");
}

void check_field_values(const Node& node, const Field& field) {
  for (const std::string& value : field.allowed) {
    if (!is_value_of(field, value)) {
      node.fault(fmt::format("allowed value \"{}\" is not a value of the field's type", value));
    }
  }
  if (!field.default_value) return;
  if (field.required) node.fault("a required field has no use for a \"default\"");
  if (!is_value_of(field, *field.default_value)) {
    node.fault(fmt::format("default \"{}\" is not a value of the field's type", *field.default_value));
  }
  const auto same = [&](const std::string& value) { return iequals(value, *field.default_value); };
  if (!field.allowed.empty() && std::none_of(field.allowed.begin(), field.allowed.end(), same)) {
    node.fault(fmt::format("default \"{}\" is not one of the allowed values", *field.default_value));
  }
}

Field read_field(Node node, std::uint32_t type_directions, const ReservedName& reserved, Names& taken,
                 Names& fed) {
  Field field;
  field.name = node.required_text("name");
  node.name_place(field.name);
  field.aliases = node.names("aliases");
  std::vector<std::string> all_names = field.aliases;
  if (!field.name.empty()) all_names.insert(all_names.begin(), field.name);
  for (const std::string& name : all_names) {
    if (!taken.add(name)) node.fault(fmt::format("the name \"{}\" is given twice", name));
    if (reserved && reserved(name))
      node.fault(fmt::format("\"{}\" is a field of the host's own: rename it", name));
  }
  read_field_type(node, field);
  field.required = node.flag("required");
  field.directions = node.has("directions") ? node.directions() : type_directions;
  if ((field.directions & ~type_directions) != 0)
    node.fault("it has a direction that its type does not offer");
  read_feeds(node, field, fed);
  read_names(node, field);
  read_enables(node, field, type_directions);
  field.default_value = node.scalar("default");
  field.allowed = node.scalars("allowed");
  check_field_values(node, field);
  field.sensitive = node.flag("sensitive");
  field.help = node.text("help");
  field.example = node.scalar("example").value_or("");
  field.deprecated = node.text("deprecated");
  return field;
}

void read_type_names(const Node& node, BindingType& type, Names& taken) {
  std::vector<std::string> all_names = type.aliases;
  if (!type.type.empty()) all_names.insert(all_names.begin(), type.type);
  for (const std::string& name : all_names) {
    if (!is_type_name(name)) {
      node.fault(
          fmt::format("\"{}\" must be \"bindings.\" and a name of letters, digits, '.', '_' and '-'", name));
    }
    if (!taken.add(name)) node.fault(fmt::format("the type \"{}\" is given twice", name));
  }
  if (node.has("version")) type.version = node.text("version");
  if (!is_type_version(type.version)) {
    node.fault(fmt::format("\"version\" must be one like \"v1\" or \"v1alpha1\", not \"{}\"", type.version));
  }
}

BindingType read_type(Node node, const ReservedName& reserved, Names& taken) {
  BindingType type;
  type.type = node.required_text("type");
  node.name_place(type.type);
  type.aliases = node.names("aliases");
  read_type_names(node, type, taken);

  type.directions = node.directions();
  if (type.directions == 0) node.fault("\"directions\" must hold \"input\", \"output\" or both");
  type.operations = node.names("operations");
  if ((type.directions & CLEAT_OUT) != 0 && type.operations.empty()) {
    node.fault("a type with output needs at least one of \"operations\"");
  }
  if (type.directions == CLEAT_IN && !type.operations.empty())
    node.fault("\"operations\" are only for output");
  Names operations;
  for (const std::string& operation : type.operations) {
    if (!operations.add(operation)) node.fault(fmt::format("the operation \"{}\" is given twice", operation));
  }
  type.blocking = node.flag("blocking");
  type.serial = node.flag("serial");
  type.max_concurrency = node.count("max_concurrency", kMaxConcurrency);
  type.delayed_return = node.flag("delayed_return");
  type.broker_dead_letter = node.flag("broker_dead_letter");
  if (const std::string heartbeat = node.text("heartbeat"); !heartbeat.empty()) {
    const auto ns = parse_duration(heartbeat, 0);
    if (ns && *ns > 0) {
      type.heartbeat_ns = static_cast<std::uint64_t>(*ns);
    } else {
      node.fault(fmt::format("\"heartbeat\" must be a duration such as 10s, found \"{}\"", heartbeat));
    }
  }

  Names fields;
  Names fed;
  for (Node& field : node.objects("fields", kMaxFields)) {
    type.fields.push_back(read_field(std::move(field), type.directions, reserved, fields, fed));
  }
  return type;
}

Error not_a_manifest(std::string_view why) {
  return fail(fmt::format(
      "expected a JSON object as manifest, found {}: build the plugin with a manifest.json", why));
}

}  // namespace

bool is_value_of(const Field& field, std::string_view text) {
  switch (field.type) {
    case Field::Type::string:
    case Field::Type::list:
      return true;
    case Field::Type::integer:
      return parse_integer(text).has_value();
    case Field::Type::boolean:
      return text == "true" || text == "false";
    case Field::Type::duration:
      return parse_duration(text, field.bare_unit == "ms" ? kNsPerMs : kNsPerSecond).has_value();
    case Field::Type::size:
      return parse_quantity(text).has_value();
    case Field::Type::number:
      break;
  }
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(number);
}

Result<Manifest> parse_manifest(std::string_view text, const ReservedName& reserved) {
  const auto document = json::parse(text);
  if (!document) return not_a_manifest(fmt::format("no JSON ({})", document.error().text));
  if (!document->is(json::Kind::object)) return not_a_manifest("another kind of value");

  Faults faults;
  const Node root(*document, "", faults);
  Manifest manifest;
  manifest.text = text;
  manifest.abi = root.required_text("abi");
  if (!manifest.abi.empty()) {
    const AbiCheck check = check_abi(manifest.abi);
    if (check.other_version) return fail(check.fault);
    if (!check.fault.empty()) root.fault(check.fault);
  }
  manifest.plugin = root.required_text("plugin");
  manifest.version = root.required_text("version");
  if (!manifest.version.empty() && !is_plugin_version(manifest.version)) {
    root.fault(fmt::format("\"version\" must be one like \"1.2.3\", not \"{}\"", manifest.version));
  }
  manifest.license = root.text("license");
  Names types;
  for (Node& type : root.objects("types", kMaxTypes)) {
    manifest.types.push_back(read_type(std::move(type), reserved, types));
  }
  if (manifest.types.empty()) root.fault("\"types\" must hold at least one type");
  if (faults.empty()) return manifest;
  return fail(fmt::format(
      "expected a manifest as schemas/manifest.schema.json describes it, found {} ({}): correct the "
      "plugin's manifest.json and build it again",
      faults.size() == 1 ? "a fault" : fmt::format("{} faults", faults.size()), fmt::join(faults, "; ")));
}

}  // namespace cleat
