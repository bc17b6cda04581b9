#include "frame_reader.hpp"

#include <algorithm>
#include <utility>

namespace cleat::mqtt {
namespace {

constexpr std::size_t kMostLengthBytes = 4;
/// A buffer that one large packet made grow is given back when it is empty.
constexpr std::size_t kKeep = 256 * 1024;

}  // namespace

void FrameReader::append(std::string_view bytes) {
  // Moved to the front only when that is less work than what has been read since.
  if (begin_ != 0 && begin_ >= buffer_.size() / 2) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  if (buffer_.empty() && buffer_.capacity() > kKeep) buffer_ = {};
  buffer_.append(bytes);
}

FrameReader::Found FrameReader::refuse(std::string why) {
  fault_ = std::move(why);
  return Found::bad;
}

FrameReader::Found FrameReader::peek(Frame& frame) {
  if (!fault_.empty()) return Found::bad;
  const std::string_view waiting = std::string_view(buffer_).substr(begin_);
  std::size_t length = 0;
  std::size_t digits = 0;
  for (;; ++digits) {
    if (digits == kMostLengthBytes) return refuse("a packet's length has more than four bytes");
    if (waiting.size() < digits + 2) return Found::more;
    const auto next = static_cast<unsigned char>(waiting[digits + 1]);
    length |= static_cast<std::size_t>(next & 0x7fU) << (7 * digits);
    if ((next & 0x80U) == 0) break;
  }
  const std::size_t head = digits + 2;
  if (length > most_)
    return refuse("a packet of " + std::to_string(length) + " bytes, allowed are " + std::to_string(most_));
  if (waiting.size() - head < length) return Found::more;
  frame = {static_cast<std::uint8_t>(waiting.front()), waiting.substr(head, length)};
  frame_size_ = head + length;
  return Found::frame;
}

void FrameReader::pop() {
  begin_ += std::exchange(frame_size_, 0);
}

}  // namespace cleat::mqtt
