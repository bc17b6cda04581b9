#pragma once

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace cleat::bench {

/// `--name value` pairs of a bench program. These programs are started by run.py only, so a wrong line is
/// simply refused.
class Args {
 public:
  Args(int argc, char** argv) : words_(argv + 1, argv + argc) {}

  [[nodiscard]] std::string text(std::string_view name, std::string_view fallback = {}) const {
    for (std::size_t at = 0; at + 1 < words_.size(); ++at) {
      if (words_[at].substr(0, 2) == "--" && words_[at].substr(2) == name) return std::string(words_[at + 1]);
    }
    return std::string(fallback);
  }
  [[nodiscard]] double number(std::string_view name, double fallback) const {
    const std::string found = text(name);
    return found.empty() ? fallback : std::strtod(found.c_str(), nullptr);
  }
  [[nodiscard]] int whole(std::string_view name, int fallback) const {
    return static_cast<int>(number(name, fallback));
  }
  [[nodiscard]] std::string_view command() const {
    return words_.empty() ? std::string_view{} : words_.front();
  }

 private:
  std::vector<std::string_view> words_;
};

}  // namespace cleat::bench
