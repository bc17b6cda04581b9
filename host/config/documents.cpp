#include "config/documents.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/text.hpp"

namespace cleat {
namespace {

constexpr std::size_t kMaxDocument = 1 << 20;
constexpr std::size_t kMaxFile = 16 << 20;
constexpr std::size_t kMaxDocuments = 10'000;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

struct Line {
  std::string_view text;  ///< without its end
  bool is_separator = false;
  std::string_view after;  ///< what follows the separator's mark
};

Line read_line(std::string_view text) {
  Line line{text, false, {}};
  if (line.text.ends_with('\r')) line.text.remove_suffix(1);
  if (!line.text.starts_with("---") && !line.text.starts_with("...")) return line;
  const std::string_view after = line.text.substr(3);
  // As daprd splits: whatever follows the dashes.
  const bool is_blank = after.empty() || after.front() == ' ' || after.front() == '\t';
  if (!is_blank && line.text.front() == '.') return line;
  line.is_separator = true;
  line.after = after;
  return line;
}

bool has_content(std::string_view text) {
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = trim(text.substr(begin, end - begin));
    if (!line.empty() && line.front() != '#' && line.front() != '%') return true;
    begin = end + 1;
  }
  return false;
}

/// How many bytes the UTF-8 character at the front has; 0: it is none (RFC 3629).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool too_long = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) >= 0xA0;
    return !too_long && !surrogate && follows(1) && follows(2) ? 3 : 0;
  }
  if (first < 0xF0 || first > 0xF4) return 0;
  const bool out_of_range = (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) >= 0x90);
  return !out_of_range && follows(1) && follows(2) && follows(3) ? 4 : 0;
}

/// Control characters are refused here because the YAML library takes some of them for the end of the text,
/// and because values go to plugins as UTF-8 text.
std::string text_fault(std::string_view text, std::size_t first_line) {
  std::size_t line = first_line;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\n') ++line;
    if (byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') {
      return fmt::format("line {} holds the control character 0x{:02x}: a component file is UTF-8 text", line,
                         byte);
    }
    const std::size_t length = utf8_length(text.substr(i, 4));
    if (length == 0) {
      return fmt::format("line {} holds the byte 0x{:02x}, which is not UTF-8: save the file as UTF-8", line,
                         byte);
    }
    i += length;
  }
  return {};
}

/// Collects the lines of one document after the other.
class Splitter {
 public:
  void begin(std::size_t line, std::string_view opening) {
    finish();
    current_.line = line;
    // The separator's line stays as an empty one, so that the lines below keep their numbers.
    if (trim(opening).starts_with('{')) current_.text = "   " + std::string(opening);
    current_.text += '\n';
  }

  void add(std::string_view line) {
    if (too_large_) return;
    current_.text.append(line).push_back('\n');
    too_large_ = current_.text.size() > kMaxDocument;
  }

  /// The document has ended.
  void finish() {
    DocumentText done = std::exchange(current_, {});
    if (std::exchange(too_large_, false)) {
      done.text.clear();
      done.fault = "it is larger than 1 MiB";
    } else if (!has_content(done.text)) {
      return;
    } else {
      done.fault = text_fault(done.text, done.line);
    }
    documents_.push_back(std::move(done));
  }

  [[nodiscard]] bool full() const { return documents_.size() >= kMaxDocuments; }
  std::vector<DocumentText> take() { return std::move(documents_); }

 private:
  DocumentText current_;
  bool too_large_ = false;
  std::vector<DocumentText> documents_;
};

}  // namespace

std::vector<DocumentText> split_documents(std::string_view file) {
  if (file.starts_with(kByteOrderMark)) file.remove_prefix(kByteOrderMark.size());
  Splitter splitter;
  std::size_t number = 0;
  std::size_t begin = 0;
  while (begin < file.size() && !splitter.full()) {
    const std::size_t end = std::min(file.find('\n', begin), file.size());
    const Line line = read_line(file.substr(begin, end - begin));
    ++number;
    begin = end + 1;
    if (line.is_separator) {
      splitter.begin(number, line.after);
    } else {
      splitter.add(line.text);
    }
  }
  splitter.finish();
  std::vector<DocumentText> documents = splitter.take();
  if (begin < file.size()) {
    documents.push_back(
        {"", number, fmt::format("a file may hold {} documents, the rest is not read", kMaxDocuments)});
  }
  return documents;
}

Result<std::string> read_text_file(const std::filesystem::path& file) {
  std::error_code error;
  // A pipe or a device would block the start for ever.
  if (!std::filesystem::is_regular_file(file, error)) {
    return fail(fmt::format("{}: {}", file.string(), error ? error.message() : "it is not a regular file"));
  }
  const auto size = std::filesystem::file_size(file, error);
  if (!error && size > kMaxFile) {
    return fail(fmt::format("{}: it has {} bytes, the most is 16 MiB", file.string(), size));
  }
  std::ifstream in(file, std::ios::binary);
  std::string text;
  text.resize(std::min<std::size_t>(error ? 0 : size, kMaxFile));
  if (!in || !in.read(text.data(), static_cast<std::streamsize>(text.size()))) {
    return fail(fmt::format("{}: it cannot be read: {}", file.string(), std::strerror(errno)));
  }
  return Result<std::string>(boost::system::in_place_value, std::move(text));
}

}  // namespace cleat
