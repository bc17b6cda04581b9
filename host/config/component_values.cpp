#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/suggest.hpp"
#include "base/text.hpp"
#include "config/component_document.hpp"
#include "config/substitute.hpp"
#include "config/value_text.hpp"

namespace cleat {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::array<std::string_view, 6> kRootKeys{"apiVersion", "kind", "metadata",
                                                    "spec",       "auth", "scopes"};
constexpr std::array<std::string_view, 11> kFlatKeys{"apiVersion", "kind",    "name",        "namespace",
                                                     "type",       "version", "initTimeout", "ignoreErrors",
                                                     "metadata",   "auth",    "scopes"};
constexpr std::array<std::string_view, 5> kSpecKeys{"type", "version", "initTimeout", "ignoreErrors",
                                                    "metadata"};
constexpr std::array<std::string_view, 4> kNamingKeys{"name", "namespace", "labels", "annotations"};
constexpr std::array<std::string_view, 4> kItemKeys{"name", "value", "secretKeyRef", "envRef"};
constexpr std::array<std::string_view, 2> kSecretKeys{"name", "key"};

const YamlNode* given(const YamlNode& map, std::string_view name) {
  const YamlNode* node = map.find(name);
  return node == nullptr || node->is(YamlNode::Kind::null) ? nullptr : node;
}

std::string text_at(const YamlNode& map, std::string_view name) {
  const YamlNode* node = map.find(name);
  return node == nullptr ? std::string() : plain_text(*node);
}

class ValueReader {
 public:
  ValueReader(ComponentDocument document, const ComponentSelection& selection,
              std::vector<std::string>& warnings)
      : document_(std::move(document)),
        component_(document_.component),
        warnings_(warnings),
        environment_(selection.environment ? selection.environment : process_environment),
        templates_{selection.app_id, selection.namespace_name, selection.pod_name,
                   selection.new_uuid ? selection.new_uuid : random_uuid} {}

  Component read() {
    check_spelling();
    if (component_.type.empty()) mark_broken("it has no type, such as 'bindings.kafka'");
    read_init_timeout();
    read_ignore_errors();
    if (document_.items != nullptr) {
      for (const YamlNode& item : document_.items->items)
        read_item(item);
    }
    return std::move(component_);
  }

 private:
  void warn(std::size_t line, std::string_view text) {
    warnings_.push_back(
        fmt::format("{}:{}: component '{}': {}", component_.file.string(), line, component_.name, text));
  }

  void mark_broken(std::string_view why) {
    if (!component_.broken.empty()) component_.broken += "; ";
    component_.broken += why;
  }

  void check_keys(const YamlNode* map, Names known) {
    if (map == nullptr) return;
    for (const auto& [key, value] : map->members) {
      const auto same = [&name = key](std::string_view other) { return iequals(name, other); };
      if (std::any_of(known.begin(), known.end(), same)) continue;
      const std::string_view meant = nearest_name(key, known);
      if (!meant.empty())
        warn(value.line, fmt::format("'{}' is not known here: did you mean '{}'?", key, meant));
    }
  }

  /// Unknown fields are allowed, as in Dapr; one that is nearly a known field is a slip that would otherwise
  /// go unseen.
  void check_spelling() {
    const YamlNode& root = *document_.root;
    if (document_.body == &root) return check_keys(&root, kFlatKeys);
    check_keys(&root, kRootKeys);
    check_keys(document_.body, kSpecKeys);
    check_keys(root.find("metadata"), kNamingKeys);
    for (const std::string_view outer : {"scopes", "auth"}) {
      const YamlNode* misplaced = document_.body->find(outer);
      if (misplaced == nullptr) continue;
      warn(misplaced->line, fmt::format("'{}' has no effect inside spec: it belongs beside spec", outer));
    }
  }

  /// A Go duration. daprd takes its default without a word if it is none.
  void read_init_timeout() {
    const YamlNode* node = given(*document_.body, "initTimeout");
    if (node == nullptr) return;
    const std::string text = plain_text(*node);
    const auto timeout = parse_duration(text, 0);
    if (timeout && *timeout > 0) {
      component_.init_timeout_ns = static_cast<std::uint64_t>(*timeout);
      return;
    }
    warn(node->line,
         fmt::format("initTimeout is '{}', expected a duration above zero such as 20s: the default is kept",
                     text.substr(0, 100)));
  }

  void read_ignore_errors() {
    const YamlNode* node = given(*document_.body, "ignoreErrors");
    if (node == nullptr) return;
    const std::string word = to_lower(plain_text(*node));
    component_.ignore_errors = word == "true";
    if (word == "true" || word == "false" || word.empty()) return;
    warn(node->line,
         fmt::format("ignoreErrors is '{}', expected true or false: false is taken", word.substr(0, 100)));
  }

  void read_item(const YamlNode& item) {
    check_keys(&item, kItemKeys);
    MetadataItem read;
    read.name = text_at(item, "name");
    if (read.name.empty()) return warn(item.line, "a metadata item has no name and is left out");
    if (const YamlNode* secret = secret_of(item)) {
      want_secret(read.name, *secret, item);
    } else {
      read.value = value_of(read.name, item);
    }
    component_.metadata.push_back(std::move(read));
  }

  static const YamlNode* secret_of(const YamlNode& item) {
    const YamlNode* secret = given(item, "secretKeyRef");
    const bool is_named =
        secret != nullptr && secret->is(YamlNode::Kind::map) && !text_at(*secret, "name").empty();
    return is_named ? secret : nullptr;
  }

  void want_secret(const std::string& field, const YamlNode& secret, const YamlNode& item) {
    check_keys(&secret, kSecretKeys);
    if (given(item, "value") != nullptr) {
      warn(item.line,
           fmt::format("metadata field '{}' has both value and secretKeyRef: the secret counts", field));
    }
    const YamlNode* auth = document_.root->find("auth");
    const std::string store = auth == nullptr ? std::string() : text_at(*auth, "secretStore");
    const std::string key = text_at(secret, "key");
    const std::string name = text_at(secret, "name");
    mark_broken(
        fmt::format("metadata field '{}' wants the key '{}' of the secret '{}' {}, and secret stores are not "
                    "served yet: use envRef or value",
                    field, key.empty() ? name : key, name,
                    store.empty() ? "and auth.secretStore names no store"
                                  : fmt::format("in the secret store '{}'", store)));
  }

  std::string value_of(const std::string& field, const YamlNode& item) {
    std::string text;
    if (const YamlNode* value = given(item, "value")) {
      ValueText read = value_text(*value);
      if (!read.remark.empty()) warn(value->line, fmt::format("metadata field '{}' {}", field, read.remark));
      text = std::move(read.text);
    }
    if (const std::string variable = text_at(item, "envRef"); !variable.empty()) {
      if (!text.empty()) {
        warn(item.line,
             fmt::format("metadata field '{}' has both value and envRef: the value counts", field));
      } else {
        text = environment_value(field, variable, item.line);
      }
    }
    auto expanded = expand_templates(text, templates_);
    if (expanded) return std::move(*expanded);
    mark_broken(fmt::format("metadata field '{}' {}", field, expanded.error().text));
    return {};
  }

  /// What an environment file quotes arrives with its quotes. daprd takes them off.
  std::string without_quotes(const std::string& field, std::string value, std::size_t line) {
    const bool is_quoted =
        value.size() >= 2 && value.front() == '"' && value.find_first_of("\"\\", 1) == value.size() - 1;
    if (!is_quoted) return value;
    warn(line,
         fmt::format("metadata field '{}': the quotes around the variable's value are left out, as Dapr does",
                     field));
    return value.substr(1, value.size() - 2);
  }

  std::string environment_value(const std::string& field, const std::string& variable, std::size_t line) {
    auto value = read_env_ref(variable, environment_);
    if (value) return without_quotes(field, std::move(*value), line);
    warn(line, fmt::format("metadata field '{}' is left empty: {}", field, value.error().text));
    return {};
  }

  ComponentDocument document_;
  Component component_;
  std::vector<std::string>& warnings_;
  EnvironmentLookup environment_;
  Templates templates_;
};

}  // namespace

Component read_values(ComponentDocument document, const ComponentSelection& selection,
                      std::vector<std::string>& warnings) {
  return ValueReader(std::move(document), selection, warnings).read();
}

}  // namespace cleat
