#pragma once

#include <cleat/values.hpp>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace cleat::redis {

/// A command as RESP sends it: an array of binary-safe strings.
std::string encode(std::initializer_list<std::string_view> words);
std::string encode(const std::vector<std::string_view>& words);

/// What an operation asks of Redis.
struct Encoded {
  std::string wire;
  std::string key;
  /// Another attempt cannot make it happen twice.
  bool repeatable = true;
};

/// Throws Error(CLEAT_INVALID or CLEAT_UNSUPPORTED) with Dapr's words.
Encoded encode_operation(const Request& request);

/// What an error of the server means for the caller.
struct Meaning {
  cleat_status status = CLEAT_REMOTE;
  std::uint32_t flags = 0;
};
Meaning meaning_of(std::string_view error);

}  // namespace cleat::redis
