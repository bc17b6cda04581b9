#include "http/data_text.hpp"

namespace cleat::http {
namespace {

void append_base64(std::string& out, std::string_view bytes) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t begin = out.size();
  out.resize(begin + (bytes.size() + 2) / 3 * 4, '=');
  char* to = out.data() + begin;
  const auto byte = [bytes](std::size_t i) {
    return i < bytes.size() ? static_cast<unsigned>(static_cast<unsigned char>(bytes[i])) : 0U;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3, to += 4) {
    const unsigned group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    to[0] = kLetters[group >> 18];
    to[1] = kLetters[group >> 12 & 63];
    if (i + 1 < bytes.size()) to[2] = kLetters[group >> 6 & 63];
    if (i + 2 < bytes.size()) to[3] = kLetters[group & 63];
  }
}

}  // namespace

void append_data(std::string& out, std::string_view data, json::Reader& reader) {
  out += "\"data\":";
  if (reader.read_value(data)) {
    out += data;
    return;
  }
  out += '"';
  append_base64(out, data);
  out += "\",\"base64\":true";
}

}  // namespace cleat::http
