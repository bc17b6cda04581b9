#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/manifest.hpp"

namespace cleat {

struct CatalogueEntry {
  std::filesystem::path file;  ///< absolute and canonical
  Manifest manifest;
};

/// What a set of plugin directories offers, found from the files' notes alone: nothing is opened.
class Catalogue {
 public:
  struct Reject {
    std::filesystem::path file;
    std::string sentence;
  };

  /// Every entry of each directory that ends in ".so" is read, of whatever kind it is; none is skipped
  /// without a sentence. Not recursive. The order is that of the directories, then of the names, so that two
  /// runs say the same.
  static Catalogue scan(const std::vector<std::filesystem::path>& directories,
                        const ReservedName& reserved = {});

  /// The plugin for a type, without regard to case, by its name or an alias. The highest plugin version wins;
  /// equal versions with different bytes are refused, both, with a sentence. nullptr: nobody offers it.
  [[nodiscard]] const CatalogueEntry* find(std::string_view type, const BindingType** found) const;

  [[nodiscard]] const std::vector<CatalogueEntry>& entries() const { return entries_; }
  [[nodiscard]] const std::vector<Reject>& rejects() const { return rejects_; }
  /// Things that work but deserve a line: a file name that says another type, an older version that is passed
  /// over.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  class Scanner;

  std::vector<CatalogueEntry> entries_;
  std::vector<Reject> rejects_;
  std::vector<std::string> warnings_;
};

}  // namespace cleat
