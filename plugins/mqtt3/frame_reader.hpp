#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cleat::mqtt {

/// One control packet as it came: the first byte, and what follows its length. Valid until the reader changes.
struct Frame {
  std::uint8_t first = 0;
  std::string_view body;
};

/// Cuts a stream into control packets, however it arrives. It allocates for bytes that came, never for a length that a packet
/// claims, and refuses one above `most` as soon as its length is known.
class FrameReader {
 public:
  enum class Found { frame, more, bad };

  explicit FrameReader(std::size_t most) : most_(most) {}

  void append(std::string_view bytes);
  /// The next packet, which stays where it is until pop(). `more`: it has not come in full. `bad`: the stream cannot be read
  /// further, fault() says why.
  Found peek(Frame& frame);
  void pop();
  [[nodiscard]] const std::string& fault() const { return fault_; }
  /// Bytes that wait.
  [[nodiscard]] std::size_t size() const { return buffer_.size() - begin_; }

 private:
  Found refuse(std::string why);
  std::size_t most_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t frame_size_ = 0;  ///< of the packet that peek() found
  std::string fault_;
};

}  // namespace cleat::mqtt
