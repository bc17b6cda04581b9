#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cleat::mqtt {

/// MQTT's largest number of variable length, which is also the largest packet's length.
constexpr std::uint32_t kMostVariable = 268'435'455;

/// Well-formed UTF-8 without U+0000, as MQTT asks of its strings.
bool is_mqtt_text(std::string_view text);
/// The same without control characters, which MQTT advises against and brokers may refuse.
bool is_plain_text(std::string_view text);

/// Reads MQTT's primitive types from bytes that may be anything. From the first value that is not there in full, or not well
/// formed, ok() is false and every value is empty. What is given out points into the bytes.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t left() const { return left_.size(); }

  std::uint8_t byte();
  std::uint16_t two_bytes();
  std::uint32_t four_bytes();
  std::uint32_t variable();
  std::string_view binary();  ///< two bytes of length and so many bytes
  std::string_view text();    ///< the same, which must be is_mqtt_text()
  std::string_view take(std::size_t count);
  std::string_view rest() { return take(left_.size()); }

 private:
  void spoil();
  std::string_view left_;
  bool ok_ = true;
};

/// The other way. `text` and `binary` may have 65,535 bytes; the caller has seen to that.
void put_byte(std::string& out, unsigned value);
void put_two_bytes(std::string& out, unsigned value);
void put_four_bytes(std::string& out, std::uint32_t value);
void put_variable(std::string& out, std::uint32_t value);
void put_text(std::string& out, std::string_view text);

}  // namespace cleat::mqtt
