#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "api/host_view.hpp"
#include "base/result.hpp"
#include "base/task.hpp"

namespace cleat {

/// What does not change while the host runs.
struct HostFacts {
  std::string app_id, version;
  std::uint16_t app_port = 0;  ///< 0: no application
  std::string app_channel_address;
  std::int32_t app_max_concurrency = -1;
  std::vector<std::string> resiliencies;  ///< names of the loaded Resiliency documents
};

/// What callers store beside the host's own metadata, in memory only. Any thread.
class ExtendedMetadata {
 public:
  static constexpr std::size_t kMaxEntries = 256;
  static constexpr std::size_t kMaxKey = 256;
  static constexpr std::size_t kMaxValue = 16 * 1024;

  /// Refused beyond the bounds above; the error says which.
  [[nodiscard]] Result<> put(std::string_view key, std::string_view value);
  [[nodiscard]] std::map<std::string, std::string> all() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> entries_;
};

/// The metadata document: daprd's members, and under "cleat" what only this host tells of each component.
/// Without the latter when strict_dapr. The references outlive `done`, which runs once on the io thread that
/// asked, perhaps before this returns. `now_wall_ns`: for ages.
void metadata_document(const HostFacts& facts, const HostView& host, const ExtendedMetadata& extended,
                       bool strict_dapr, std::uint64_t now_wall_ns, UniqueFunction<void(std::string&&)> done);

}  // namespace cleat
