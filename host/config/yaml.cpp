#include "config/yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <set>
#include <sstream>

#include "base/text.hpp"

namespace cleat {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxNodes = 100'000;
/// Text that aliases repeat: a long anchored value named often must not fill the memory.
constexpr std::size_t kMaxRepeatedText = 4 << 20;

std::size_t text_size(const YamlNode& node) {
  std::size_t sum = node.text.size();
  for (const YamlNode& item : node.items)
    sum += text_size(item);
  for (const auto& [key, value] : node.members)
    sum += key.size() + text_size(value);
  return sum;
}

/// Builds the tree from the parser's events. Throws YamlFault through the parser: it has no other way to be
/// stopped.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::size_t first_line) : first_line_(first_line) {}

  YamlNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.line = line_of(mark);
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchored_.find(anchor);
    if (known == anchored_.end()) throw YamlFault{line_of(mark), "an alias stands inside the value it names"};
    repeated_text_ += text_size(known->second);
    if (repeated_text_ > kMaxRepeatedText) {
      throw YamlFault{line_of(mark), "its aliases repeat more than 4 MiB of text"};
    }
    YamlNode copy = known->second;
    count(copy.nodes, line_of(mark));
    attach(std::move(copy));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node;
    node.kind = YamlNode::Kind::scalar;
    node.plain = tag.empty() || tag == "?";
    node.text = value;
    node.line = line_of(mark);
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::list, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::map, mark, anchor);
  }
  void OnMapEnd() override {
    merge(open_.back().node);
    close();
  }

 private:
  struct Level {
    YamlNode node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    bool has_key = false;
    std::string key;
    std::set<std::string, std::less<>> keys;
  };

  [[nodiscard]] std::size_t line_of(const YAML::Mark& mark) const {
    return first_line_ + static_cast<std::size_t>(std::max(mark.line, 0));
  }

  void count(std::size_t more, std::size_t line) {
    nodes_ += more;
    if (nodes_ > kMaxNodes) {
      throw YamlFault{line, fmt::format("it holds more than {} values, aliases counted", kMaxNodes)};
    }
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    const std::size_t line = line_of(mark);
    if (open_.size() >= kMaxDepth)
      throw YamlFault{line, fmt::format("it nests deeper than {} levels", kMaxDepth)};
    if (!open_.empty() && open_.back().node.is(YamlNode::Kind::map) && !open_.back().has_key) {
      throw YamlFault{line, "a list or a mapping is used as a key; a key must be a plain word"};
    }
    count(1, line);
    Level level;
    level.node.kind = kind;
    level.node.line = line;
    level.anchor = anchor;
    open_.push_back(std::move(level));
  }

  void close() {
    Level level = std::move(open_.back());
    open_.pop_back();
    remember(level.node, level.anchor);
    attach(std::move(level.node));
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    count(1, node.line);
    remember(node, anchor);
    attach(std::move(node));
  }

  void remember(const YamlNode& node, YAML::anchor_t anchor) {
    if (anchor == YAML::NullAnchor) return;
    count(node.nodes, node.line);
    anchored_[anchor] = node;
  }

  void attach(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& parent = open_.back();
    if (parent.node.is(YamlNode::Kind::map) && !parent.has_key) {
      take_key(parent, node);
      return;
    }
    parent.node.nodes += node.nodes;
    if (parent.node.is(YamlNode::Kind::map)) {
      parent.node.members.push_back({std::move(parent.key), std::move(node)});
      parent.has_key = false;
    } else {
      parent.node.items.push_back(std::move(node));
    }
  }

  static void take_key(Level& level, const YamlNode& key) {
    if (key.is(YamlNode::Kind::list) || key.is(YamlNode::Kind::map)) {
      throw YamlFault{key.line, "a list or a mapping is used as a key; a key must be a plain word"};
    }
    if (!level.keys.insert(key.text).second) {
      throw YamlFault{key.line, fmt::format("the key '{}' is given twice", key.text.substr(0, 100))};
    }
    level.key = key.text;
    level.has_key = true;
  }

  /// "<<": *other adds the members of another mapping (or of several) that the mapping does not have itself.
  void merge(YamlNode& map) {
    const auto from = std::find_if(map.members.begin(), map.members.end(),
                                   [](const YamlNode::Member& m) { return m.key == "<<"; });
    if (from == map.members.end()) return;
    const YamlNode source = std::move(from->value);
    map.members.erase(from);
    std::set<std::string, std::less<>>& keys = open_.back().keys;
    const auto add_from = [&](const YamlNode& other) {
      if (!other.is(YamlNode::Kind::map)) {
        throw YamlFault{source.line, "'<<' must name a mapping or a list of mappings"};
      }
      for (const YamlNode::Member& member : other.members) {
        if (keys.insert(member.key).second) map.members.push_back(member);
      }
    };
    if (!source.is(YamlNode::Kind::list)) return add_from(source);
    for (const YamlNode& other : source.items)
      add_from(other);
  }

  std::size_t first_line_;
  std::size_t nodes_ = 0;
  std::size_t repeated_text_ = 0;
  YamlNode root_;
  std::vector<Level> open_;
  std::map<YAML::anchor_t, YamlNode> anchored_;
};

/// The library's few words, its line, and the commonest cause.
YamlFault fault_of(const YAML::Exception& error, std::string_view text, std::size_t first_line) {
  if (error.mark.is_null()) return {first_line, error.msg};
  const auto row = static_cast<std::size_t>(std::max(error.mark.line, 0));
  std::size_t begin = 0;
  for (std::size_t i = 0; i < row && begin != std::string_view::npos; ++i) {
    begin = text.find('\n', begin);
    if (begin != std::string_view::npos) ++begin;
  }
  std::string words = fmt::format("it is not valid YAML: {} at column {}", error.msg, error.mark.column + 1);
  if (begin == std::string_view::npos) return {first_line + row, std::move(words)};
  const std::string_view line = text.substr(begin, text.find('\n', begin) - begin);
  const std::string_view indent = line.substr(0, line.find_first_not_of(" \t"));
  if (indent.find('\t') != std::string_view::npos) words += "; the line is indented with a tab, use blanks";
  return {first_line + row, std::move(words)};
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view name) const {
  const YamlNode* other_case = nullptr;
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
    if (iequals(key, name)) other_case = &value;
  }
  return other_case;
}

boost::system::result<YamlNode, YamlFault> parse_yaml(std::string_view text, std::size_t first_line) {
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    TreeBuilder tree(first_line);
    if (!parser.HandleNextDocument(tree)) return YamlNode{};
    TreeBuilder rest(first_line);
    if (parser.HandleNextDocument(rest)) {
      return YamlFault{first_line, "text follows the end of the document's value"};
    }
    return tree.take_root();
  } catch (const YamlFault& fault) {
    return fault;
  } catch (const YAML::Exception& error) {
    return fault_of(error, text, first_line);
  }
}

}  // namespace cleat
