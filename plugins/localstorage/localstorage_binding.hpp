#pragma once

#include <cleat/plugin.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include "folder.hpp"

namespace cleat::localstorage {

/// bindings.localstorage: files below one folder. `invoke` blocks: a disk has no other way.
class LocalStorageBinding {
 public:
  explicit LocalStorageBinding(Host /*host*/) {}

  void init(const Config& config);
  void start(Deadline deadline);
  void ping(Deadline deadline);
  void invoke(const Request& request, Call&& call);

 private:
  void create(const Request& request, Call& call) const;
  void get(const Request& request, Call& call) const;
  void remove(const Request& request, Call& call) const;
  void list(const Request& request, Call& call) const;
  [[nodiscard]] std::string payload(const Request& request) const;

  std::string root_path_;
  bool decode_ = false, encode_ = false, strict_dapr_ = false;
  std::uint64_t max_bytes_ = 0;
  std::size_t max_listed_ = 0;
  std::optional<Folder> folder_;
};

}  // namespace cleat::localstorage
