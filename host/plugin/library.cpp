#include "plugin/library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/dll/shared_library.hpp>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "plugin/loader_host.hpp"
#include "plugin/process_state.hpp"

namespace cleat {
namespace {

namespace dll = boost::dll;

constexpr const char* kEntry = "cleat_entry_v0";
constexpr std::size_t kErrorTextBytes = 1024;

using Entry = const cleat_plugin*(const cleat_host*);

struct Opened {
  dll::shared_library library;
  LoaderHost host;
  const cleat_plugin* table = nullptr;
  std::string failure;  ///< why it is not used; empty if it is
};

/// What was opened, by the system's handle, which is one and the same for each spelling of a file's path. The
/// system's list of open objects is the process's, so this is too: the one place where the host keeps
/// something for the process. It is never destroyed, because code of a plugin may still run while the process
/// exits.
struct Registry {
  std::mutex mutex;
  std::map<void*, std::unique_ptr<Opened>> opened;
};

Registry& registry() {
  static Registry* const kRegistry = new Registry;
  return *kRegistry;
}

std::string call_load(const cleat_plugin& table, const cleat_host* host) {
  if (table.load == nullptr) return {};
  std::array<char, kErrorTextBytes> text{};
  cleat_error error{};
  error.struct_size = sizeof error;
  error.text = text.data();
  error.text_cap = text.size();
  const cleat_status status = table.load(host, &error);
  if (status == CLEAT_OK) return {};
  const std::string_view said(text.data(), std::min(error.text_len, text.size()));
  return fmt::format(
      "expected that the plugin's load() succeeds, found status {} ({}): see what the plugin needs", status,
      said.empty() ? "it does not say why" : said);
}

/// The entry and the checks. What is wrong, or nothing.
std::string bring_up(Opened& opened, const Manifest& manifest) {
  if (!opened.library.has(kEntry)) {
    return fmt::format(
        "expected the exported function {}, found none: export it (CLEAT_EXPORT, version script)", kEntry);
  }
  // A plugin that shares our C++ runtime can let an exception out; the contract forbids it, and this names
  // the culprit.
  try {
    const cleat_plugin* table = opened.library.get<Entry>(kEntry)(opened.host.table());
    if (const auto sound = check_plugin_table(table, manifest); !sound) return sound.error().text;
    if (std::string failure = call_load(*table, opened.host.table()); !failure.empty()) return failure;
    opened.table = table;
    return {};
  } catch (const std::exception& error) {
    return fmt::format("expected a table from {}, found an exception ({}): none may cross the interface",
                       kEntry, error.what());
  } catch (...) {
    return fmt::format("expected a table from {}, found an exception: none may cross the interface", kEntry);
  }
}

/// What the system's loader says, out of what Boost.DLL puts around it: "... (dlerror system message: <path>:
/// <sentence>): ...".
std::string loaders_sentence(std::string_view what, std::string_view file) {
  constexpr std::string_view kBefore = "dlerror system message: ";
  const auto begin = what.find(kBefore);
  if (begin == std::string_view::npos) return std::string(what);
  what.remove_prefix(begin + kBefore.size());
  what = what.substr(0, what.rfind("): "));
  if (what.starts_with(file)) what.remove_prefix(file.size());
  if (what.starts_with(": ")) what.remove_prefix(2);
  return std::string(what);
}

Result<dll::shared_library> open_file(const std::filesystem::path& file) {
  // RTLD_NODELETE: nothing that happens to the object unmaps code that may run on some thread. Boost.DLL has
  // no name for it.
  const auto mode =
      static_cast<dll::load_mode::type>(static_cast<int>(dll::load_mode::rtld_now) |
                                        static_cast<int>(dll::load_mode::rtld_local) | RTLD_NODELETE);
  try {
    // Only the throwing overload carries the loader's own sentence.
    return dll::shared_library(file, mode);
  } catch (const std::exception& error) {
    return fail(loaders_sentence(error.what(), file.native()));
  }
}

Result<> still_as_catalogued(const CatalogueEntry& entry) {
  const auto note = read_manifest_note(entry.file);
  if (!note) return note.error();
  if (*note == entry.manifest.text) return {};
  return fail(fmt::format(
      "{}: expected the manifest that the directory's scan found, found another: the file was replaced "
      "since; restart the host",
      entry.file.native()));
}

Result<const cleat_plugin*> open_known(Opened& known, const CatalogueEntry& entry) {
  if (!known.failure.empty()) return fail(fmt::format("{}: {}", entry.file.native(), known.failure));
  if (const auto same = check_plugin_table(known.table, entry.manifest); !same) {
    return fail(fmt::format(
        "{}: {}; an older file of this path is open, and it cannot be replaced in a running host: "
        "install under a new name or restart",
        entry.file.native(), same.error().text));
  }
  return known.table;
}

}  // namespace

Result<const cleat_plugin*> open_library(const CatalogueEntry& entry, Log& log) {
  Registry& all = registry();
  // Opening is rare, and what it changes in the process can only be told apart one file at a time.
  const std::lock_guard lock(all.mutex);
  if (const auto same = still_as_catalogued(entry); !same) return same.error();

  ProcessState before;
  auto library = open_file(entry.file);
  if (!library) {
    before.restore();
    return fail(fmt::format(
        "{}: expected a shared object that can be opened, found \"{}\": install what is missing or build "
        "the plugin for this system",
        entry.file.native(), library.error().text));
  }
  void* const handle = library->native();
  if (const auto known = all.opened.find(handle); known != all.opened.end())
    return open_known(*known->second, entry);

  Opened& opened = *all.opened.emplace(handle, std::make_unique<Opened>()).first->second;
  opened.library = std::move(*library);
  opened.host.lend(&log, entry.file.native());
  opened.failure = bring_up(opened, entry.manifest);
  opened.host.lend(nullptr, {});
  if (const auto changes = before.restore(); !changes.empty()) {
    log.warn(
        fmt::format(
            "the plugin misbehaves: while it was opened it changed {} of the whole process; that was undone",
            fmt::join(changes, ", ")),
        {{"file", entry.file.native()}});
  }
  if (opened.failure.empty()) return opened.table;
  return fail(fmt::format("{}: {}", entry.file.native(), opened.failure));
}

}  // namespace cleat
