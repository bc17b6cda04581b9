#include "flat_json.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

#include "common/unquote.hpp"

namespace cleat::nats {
namespace {

constexpr int kDeepest = 8;

class Reader {
 public:
  Reader(std::string_view text, const std::function<void(std::string_view, std::string_view)>& take)
      : text_(text), take_(take) {}

  bool read() {
    blanks();
    return peek() == '{' && object("", kDeepest, true) && (blanks(), place_ == text_.size());
  }

 private:
  [[nodiscard]] char peek() const { return place_ < text_.size() ? text_[place_] : '\0'; }
  bool eat(char wanted) {
    blanks();
    if (peek() != wanted) return false;
    ++place_;
    return true;
  }
  void blanks() {
    while (place_ < text_.size() && std::string_view(" \t\r\n").find(text_[place_]) != std::string_view::npos)
      ++place_;
  }

  bool string(std::string& out) {
    if (!eat('"')) return false;
    const std::size_t quote = place_ - 1;
    while (place_ < text_.size() && text_[place_] != '"')
      place_ += text_[place_] == '\\' ? 2 : 1;
    if (place_ >= text_.size()) return false;
    ++place_;
    auto value = common::unquoted(text_.substr(quote, place_ - quote));
    if (!value) return false;
    out = *std::move(value);
    return true;
  }

  bool object(const std::string& path, int left, bool tells) {
    if (left == 0 || !eat('{')) return false;
    if (eat('}')) return true;
    do {
      std::string name;
      blanks();
      if (!string(name) || !eat(':')) return false;
      if (!value(path.empty() ? name : path + "." + name, left - 1, tells)) return false;
    } while (eat(','));
    return eat('}');
  }

  bool array(const std::string& path, int left) {
    if (left == 0 || !eat('[')) return false;
    if (eat(']')) return true;
    do {
      if (!value(path, left - 1, false)) return false;
    } while (eat(','));
    return eat(']');
  }

  bool value(const std::string& path, int left, bool tells) {
    blanks();
    if (peek() == '{') return object(path, left, tells);
    if (peek() == '[') return array(path, left);
    std::string text;
    if (peek() == '"') {
      if (!string(text)) return false;
    } else {
      const std::size_t begin = place_;
      place_ = std::min(text_.find_first_of(",]} \t\r\n", begin), text_.size());
      text = text_.substr(begin, place_ - begin);
      if (text.empty()) return false;
    }
    if (tells) take_(path, text);
    return true;
  }

  std::string_view text_;
  const std::function<void(std::string_view, std::string_view)>& take_;
  std::size_t place_ = 0;
};

}  // namespace

bool read_flat_json(std::string_view json,
                    const std::function<void(std::string_view path, std::string_view value)>& take) {
  return Reader(json, take).read();
}

}  // namespace cleat::nats
