#include "config/component.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "config/component_document.hpp"
#include "config/document_head.hpp"
#include "config/documents.hpp"
#include "config/resiliency.hpp"
#include "config/yaml.hpp"

namespace cleat {
namespace {

namespace fs = std::filesystem;

bool is_yaml_name(const fs::path& file) {
  const std::string extension = file.extension().string();
  return iequals(extension, ".yaml") || iequals(extension, ".yml");
}

/// The entries of a directory by name, folders left out.
Result<std::vector<fs::path>> list_files(const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    return fail(fmt::format("{}: expected a folder with component files, found {}: correct --resources-path",
                            directory.string(), fs::exists(directory, error) ? "a file" : "nothing"));
  }
  std::vector<fs::path> files;
  fs::directory_iterator entry(directory, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code unreadable;
    if (!entry->is_directory(unreadable)) files.push_back(entry->path());
  }
  if (error) {
    return fail(fmt::format("{}: the folder cannot be read: {}", directory.string(), error.message()));
  }
  std::sort(files.begin(), files.end(),
            [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  return files;
}

class Loader {
 public:
  explicit Loader(const ComponentSelection& selection)
      : selection_(selection), resiliency_(selection, result_.warnings) {}

  Result<> load_directory(const fs::path& directory) {
    const auto files = list_files(directory);
    if (!files) return files.error();
    for (const fs::path& file : *files) {
      if (!is_yaml_name(file)) {
        result_.warnings.push_back(
            fmt::format("{}: it is not loaded: component files end in .yaml or .yml", file.string()));
        continue;
      }
      if (const auto loaded = load_file(file); !loaded) return loaded.error();
    }
    return {};
  }

  Result<ComponentFiles> finish() {
    auto policies = resiliency_.resolve(result_.components);
    if (!policies) return policies.error();
    result_.policies = std::move(*policies);
    return std::move(result_);
  }

 private:
  void warn(const fs::path& file, std::size_t line, std::string_view why) {
    result_.warnings.push_back(
        fmt::format("{}:{}: the document is not loaded: {}", file.string(), line, why));
  }

  /// `text`: the document's, or the whole file's where the document's is not kept.
  Result<> pass_over(const fs::path& file, std::size_t line, std::string_view why, std::string_view text) {
    if (looks_like_resiliency(text)) {
      return fail(
          fmt::format("{}:{}: {}: correct it, the host does not start without the policies of a "
                      "'kind: Resiliency' document",
                      file.string(), line, why));
    }
    warn(file, line, why);
    return {};
  }

  Result<> load_file(const fs::path& file) {
    const auto text = read_text_file(file);
    if (!text) {
      result_.warnings.push_back(text.error().text);
      return {};
    }
    for (const DocumentText& document : split_documents(*text)) {
      if (const auto taken = take_text(file, *text, document); !taken) return taken.error();
    }
    return {};
  }

  Result<> take_text(const fs::path& file, std::string_view file_text, const DocumentText& document) {
    const std::string_view text = document.text.empty() ? file_text : std::string_view(document.text);
    if (!document.fault.empty()) return pass_over(file, document.line, document.fault, text);
    const auto root = parse_yaml(document.text, document.line);
    if (!root) return pass_over(file, root.error().line, root.error().text, text);
    const auto kind = kind_of(*root);
    if (!kind) {
      warn(file, root->line, kind.error().text);
      return {};
    }
    switch (*kind) {
      case DocumentKind::component:
        return take_component(file, *root);
      case DocumentKind::resiliency:
        return resiliency_.add(file, *root);
      case DocumentKind::other:
        break;
    }
    return {};
  }

  /// The filters in daprd's order: a name counts as taken before scopes are looked at.
  Result<> take_component(const fs::path& file, const YamlNode& root) {
    auto shape = read_shape(root, selection_);
    if (!shape) {
      warn(file, root.line, shape.error().text);
      return {};
    }
    ComponentDocument& document = *shape;
    document.component.file = file;
    if (!is_for_namespace(selection_, document.namespace_name)) return {};
    const auto known = places_.find(document.component.name);
    if (known != places_.end()) {
      return fail(
          fmt::format("{}:{}: the component '{}' is already defined in {}: rename or remove one of them",
                      file.string(), document.component.line, document.component.name, known->second));
    }
    if (!is_for_application(selection_, document.scopes)) return {};
    places_[document.component.name] = fmt::format("{}:{}", file.string(), document.component.line);
    result_.components.push_back(read_values(std::move(document), selection_, result_.warnings));
    return {};
  }

  const ComponentSelection& selection_;
  ComponentFiles result_;
  ResiliencyDocuments resiliency_;
  std::map<std::string, std::string> places_;
};

}  // namespace

const std::string* Component::find(std::string_view wanted) const {
  const auto item = std::find_if(metadata.rbegin(), metadata.rend(),
                                 [&](const MetadataItem& m) { return iequals(m.name, wanted); });
  return item == metadata.rend() ? nullptr : &item->value;
}

std::string Component::where() const {
  return fmt::format("{}:{}: component '{}'", file.string(), line, name);
}

Result<ComponentFiles> load_components(const std::vector<fs::path>& directories,
                                       const ComponentSelection& selection) {
  Loader loader(selection);
  for (const fs::path& directory : directories) {
    if (const auto loaded = loader.load_directory(directory); !loaded) return loaded.error();
  }
  return loader.finish();
}

}  // namespace cleat
