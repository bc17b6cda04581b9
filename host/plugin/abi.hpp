#pragma once

#include <cleat/plugin.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"

/// Crossing the C interface: views in both directions, and the one way to copy a growing struct of the other side.
namespace cleat {

inline cleat_str to_abi(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view from_abi(cleat_str text) {
  return text.len == 0 ? std::string_view{} : std::string_view{text.ptr, text.len};
}

/// Views into `pairs`, into storage that the caller keeps.
inline cleat_map to_abi(const Pairs& pairs, std::vector<cleat_kv>& storage) {
  storage.clear();
  for (const auto& [key, value] : pairs)
    storage.push_back({to_abi(key), to_abi(value)});
  return {storage.data(), storage.size()};
}

inline Pairs copy_pairs(const cleat_map& map) {
  Pairs pairs;
  pairs.reserve(map.count);
  for (std::size_t i = 0; i < map.count; ++i) {
    pairs.emplace_back(from_abi(map.items[i].key), from_abi(map.items[i].value));
  }
  return pairs;
}

/// The other side's struct may be older (shorter) or newer (longer) than ours: what it does not have reads as zero. Never
/// assign from the other side's pointer.
template <class T>
T copy_in(const T& theirs) {
  T ours{};
  std::memcpy(&ours, &theirs, std::min<std::size_t>(theirs.struct_size, sizeof(T)));
  return ours;
}

}  // namespace cleat
