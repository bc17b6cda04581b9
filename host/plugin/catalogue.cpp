#include "plugin/catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <system_error>
#include <utility>

#include "base/text.hpp"
#include "plugin/manifest_rules.hpp"
#include "plugin/regular_file.hpp"

namespace cleat {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".so";

/// The names under which a component may ask for a type.
std::vector<std::string> names_of(const BindingType& type) {
  std::vector<std::string> names{to_lower(type.type)};
  for (const std::string& alias : type.aliases)
    names.push_back(to_lower(alias));
  return names;
}

bool has_name(const BindingType& type, std::string_view name) {
  const auto same = [&](const std::string& other) { return iequals(other, name); };
  return same(type.type) || std::any_of(type.aliases.begin(), type.aliases.end(), same);
}

bool same_bytes(const fs::path& a, const fs::path& b) {
  const auto left = RegularFile::open(a);
  const auto right = RegularFile::open(b);
  if (!left || !right || left->size() != right->size()) return false;
  std::array<char, 16384> left_piece{}, right_piece{};
  for (std::uint64_t at = 0; at < left->size(); at += left_piece.size()) {
    const auto bytes = std::min<std::uint64_t>(left_piece.size(), left->size() - at);
    if (!left->read(at, left_piece.data(), bytes) || !right->read(at, right_piece.data(), bytes))
      return false;
    if (!std::equal(left_piece.begin(), left_piece.begin() + static_cast<std::ptrdiff_t>(bytes),
                    right_piece.begin())) {
      return false;
    }
  }
  return true;
}

/// The file names of a directory that end in ".so", sorted.
Result<std::vector<fs::path>> list(const fs::path& directory) {
  std::error_code error;
  std::vector<fs::path> files;
  fs::directory_iterator at(directory, error);
  while (!error && at != fs::directory_iterator()) {
    if (at->path().native().ends_with(kSuffix)) files.push_back(at->path());
    at.increment(error);
  }
  std::sort(files.begin(), files.end());
  if (!error) return files;
  if (error == std::errc::no_such_file_or_directory) {
    return fail(
        fmt::format("{}: expected a plugin directory, found nothing: create it or correct --plugin-dir",
                    directory.native()));
  }
  if (error == std::errc::not_a_directory) {
    return fail(fmt::format("{}: expected a plugin directory, found a file: correct --plugin-dir",
                            directory.native()));
  }
  return fail(fmt::format(
      "{}: expected a plugin directory, found that it cannot be read ({}): let the host's user read "
      "and enter it",
      directory.native(), error.message()));
}

/// The name is for people, "bindings.kafka.so" or "bindings.kafka@2.3.1.so", and the manifest decides: a name
/// that says something else works but misleads. "bindings.aws.so" may hold the family "bindings.aws.sqs",
/// "bindings.aws.s3".
std::string name_mismatch(const fs::path& file, const Manifest& manifest) {
  std::string stem = file.filename().native();
  stem.resize(stem.size() - kSuffix.size());
  const auto at = stem.find('@');
  const std::string type = to_lower(stem.substr(0, at));
  const auto offers = [&](const BindingType& offered) {
    return has_name(offered, type) || to_lower(offered.type).starts_with(type + ".");
  };
  if (std::none_of(manifest.types.begin(), manifest.types.end(), offers)) {
    return fmt::format("{}: the file's name says \"{}\", its manifest offers {}: rename it to {}.so",
                       file.native(), type, manifest.types.front().type, manifest.types.front().type);
  }
  if (at != std::string::npos && stem.substr(at + 1) != manifest.version) {
    return fmt::format("{}: the file's name says version {}, its manifest {}: rename it to {}@{}.so",
                       file.native(), stem.substr(at + 1), manifest.version, stem.substr(0, at),
                       manifest.version);
  }
  return {};
}

}  // namespace

/// Reads the directories; the catalogue is the result.
class Catalogue::Scanner {
 public:
  explicit Scanner(const ReservedName& reserved) : reserved_(reserved) {}

  void read_directory(const fs::path& directory) {
    const auto files = list(directory);
    if (!files) {
      result_.rejects_.push_back({directory, files.error().text});
      return;
    }
    for (const fs::path& file : *files)
      read_file(file);
  }

  Catalogue finish() {
    settle_doubles();
    return std::move(result_);
  }

 private:
  void read_file(const fs::path& file) {
    auto text = read_manifest_note(file);
    if (!text) {
      result_.rejects_.push_back({file, text.error().text});
      return;
    }
    auto manifest = parse_manifest(*text, reserved_);
    if (!manifest) {
      result_.rejects_.push_back({file, fmt::format("{}: {}", file.native(), manifest.error().text)});
      return;
    }
    std::error_code error;
    fs::path real = fs::canonical(file, error);
    if (error) {
      result_.rejects_.push_back(
          {file, fmt::format("{}: it went away while it was read: check what replaces the files "
                             "of the plugin directory",
                             file.native())});
      return;
    }
    for (const CatalogueEntry& known : result_.entries_) {
      if (known.file != real) continue;
      result_.warnings_.push_back(
          fmt::format("{}: it is {}, which was read already", file.native(), real.native()));
      return;
    }
    if (std::string mismatch = name_mismatch(file, *manifest); !mismatch.empty()) {
      result_.warnings_.push_back(std::move(mismatch));
    }
    result_.entries_.push_back({std::move(real), std::move(*manifest)});
  }

  /// The entries that offer a type under this name, the highest version first, in the order of reading among
  /// equals.
  std::vector<std::size_t> offering(std::string_view name) const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < result_.entries_.size(); ++i) {
      const auto& types = result_.entries_[i].manifest.types;
      const auto named = [&](const BindingType& type) { return has_name(type, name); };
      if (std::any_of(types.begin(), types.end(), named)) found.push_back(i);
    }
    std::stable_sort(found.begin(), found.end(), [&](std::size_t a, std::size_t b) {
      return compare_plugin_versions(version(a), version(b)) > 0;
    });
    return found;
  }

  const std::string& version(std::size_t i) const { return result_.entries_[i].manifest.version; }

  void settle_doubles() {
    std::set<std::string> names;
    for (const CatalogueEntry& entry : result_.entries_) {
      for (const BindingType& type : entry.manifest.types) {
        for (std::string& name : names_of(type))
          names.insert(std::move(name));
      }
    }
    std::set<std::size_t> refused, told;
    for (const std::string& name : names)
      compare_offers(name, offering(name), refused, told);
    std::vector<CatalogueEntry> kept;
    for (std::size_t i = 0; i < result_.entries_.size(); ++i) {
      if (!refused.contains(i)) kept.push_back(std::move(result_.entries_[i]));
    }
    result_.entries_ = std::move(kept);
  }

  void compare_offers(std::string_view name, const std::vector<std::size_t>& offers,
                      std::set<std::size_t>& refused, std::set<std::size_t>& told) {
    for (std::size_t k = 1; k < offers.size(); ++k) {
      const std::size_t best = offers[0], other = offers[k];
      const fs::path &best_file = result_.entries_[best].file, &other_file = result_.entries_[other].file;
      if (compare_plugin_versions(version(best), version(other)) > 0) {
        if (told.insert(other).second) {
          result_.warnings_.push_back(fmt::format("{}: its version {} of {} is passed over for {} in {}",
                                                  other_file.native(), version(other), name, version(best),
                                                  best_file.native()));
        }
      } else if (same_bytes(best_file, other_file)) {
        if (told.insert(other).second) {
          result_.warnings_.push_back(fmt::format("{}: it is a copy of {}, which is used: remove one of them",
                                                  other_file.native(), best_file.native()));
        }
      } else {
        refuse(best, other, name, refused);
        refuse(other, best, name, refused);
      }
    }
  }

  void refuse(std::size_t entry, std::size_t because_of, std::string_view name,
              std::set<std::size_t>& refused) {
    if (!refused.insert(entry).second) return;
    const fs::path& file = result_.entries_[entry].file;
    result_.rejects_.push_back(
        {file,
         fmt::format(
             "{}: expected one file that offers {} in version {}, found different bytes of that version in "
             "{} too, and neither is used: remove one of them",
             file.native(), name, version(entry), result_.entries_[because_of].file.native())});
  }

  const ReservedName& reserved_;
  Catalogue result_;
};

Catalogue Catalogue::scan(const std::vector<fs::path>& directories, const ReservedName& reserved) {
  Scanner scanner(reserved);
  for (const fs::path& directory : directories)
    scanner.read_directory(directory);
  return scanner.finish();
}

const CatalogueEntry* Catalogue::find(std::string_view type, const BindingType** found) const {
  const CatalogueEntry* best = nullptr;
  const auto consider = [&](const CatalogueEntry& entry, const BindingType& offered) {
    if (best != nullptr && compare_plugin_versions(entry.manifest.version, best->manifest.version) <= 0)
      return;
    best = &entry;
    if (found != nullptr) *found = &offered;
  };
  // A name of its own goes before another plugin's alias, whose version says nothing about this one.
  for (const bool by_alias : {false, true}) {
    for (const CatalogueEntry& entry : entries_) {
      for (const BindingType& offered : entry.manifest.types) {
        if (by_alias ? has_name(offered, type) : iequals(offered.type, type)) consider(entry, offered);
      }
    }
    if (best != nullptr) return best;
  }
  return nullptr;
}

}  // namespace cleat
