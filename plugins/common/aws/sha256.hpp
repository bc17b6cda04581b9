#pragma once

#include <memory>
#include <string>
#include <string_view>

struct aws_hash;

namespace cleat::aws {

/// SHA-256 of what is added, piece by piece. What fails throws Error(CLEAT_INTERNAL).
class Sha256 {
 public:
  Sha256();
  void add(std::string_view bytes);
  /// In hexadecimal, small letters. Only the destructor may follow.
  [[nodiscard]] std::string hex();

 private:
  struct Free {
    void operator()(aws_hash* hash) const;
  };
  std::unique_ptr<aws_hash, Free> hash_;
};

}  // namespace cleat::aws
