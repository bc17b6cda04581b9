#pragma once

#include <cleat/plugin.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "plugin/catalogue.hpp"
#include "strict_host.hpp"

namespace cleat::conformance {

using Words = std::vector<std::string>;

/// What a command came to. A status of plugin.h, and a text.
struct Reply {
  cleat_status status = CLEAT_OK;
  std::string text = {};
};

/// One plugin file and one instance of one of its types at a time, moved by commands. Each runs on the one
/// thread that stands for the home thread; a [control] call has a thread of its own meanwhile, as in the host.
class Session {
 public:
  explicit Session(Reporter& reporter) : reporter_(reporter) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  /// Throws std::invalid_argument for a command that does not exist or lacks words.
  Reply run(const Words& words);

  /// What a home thread does between commands. Returns the time of the next task.
  std::optional<std::uint64_t> idle();

 private:
  Reply open(const std::string& file);
  Reply use(const std::string& folder);
  Reply create();
  Reply init(bool check_only);
  Reply stop(std::chrono::milliseconds limit);
  Reply close();
  Reply begin(const Words& words);
  Reply invoke(const Words& words);
  Reply settle(const Words& words);
  void settle(const std::vector<cleat_settlement>& items);
  Reply control(const std::function<cleat_status(cleat_error*)>& call);
  void hot(std::string_view function, const std::function<void()>& call);
  void need_instance() const;

  Reporter& reporter_;
  std::optional<Catalogue> catalogue_;
  const CatalogueEntry* entry_ = nullptr;
  const BindingType* declared_ = nullptr;
  const cleat_plugin* plugin_ = nullptr;
  const cleat_binding_type* type_ = nullptr;
  std::vector<std::pair<std::string, std::string>> metadata_;
  std::string name_;
  std::uint32_t directions_ = 0;
  std::unique_ptr<StrictHost> host_;
  void* self_ = nullptr;
  std::vector<std::thread> blocking_;
};

/// {"fds", "threads", "heap"} of this process as a line.
Line resources();

}  // namespace cleat::conformance
