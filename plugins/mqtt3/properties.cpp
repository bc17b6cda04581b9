#include "properties.hpp"

#include <cstddef>

namespace cleat::mqtt {
namespace {

enum class Form { none, byte, two_bytes, four_bytes, variable, binary, text, pair };

/// The form of each property by its number (MQTT 5, table 2-4).
Form form_of(std::uint32_t id) {
  switch (id) {
    case 0x01:  // payload format indicator
    case 0x17:  // request problem information
    case 0x19:  // request response information
    case 0x24:  // maximum QoS
    case 0x25:  // retain available
    case 0x28:  // wildcard subscription available
    case 0x29:  // subscription identifier available
    case 0x2a:  // shared subscription available
      return Form::byte;
    case 0x13:  // server keep alive
    case 0x21:  // receive maximum
    case 0x22:  // topic alias maximum
    case 0x23:  // topic alias
      return Form::two_bytes;
    case 0x02:  // message expiry interval
    case 0x11:  // session expiry interval
    case 0x18:  // will delay interval
    case 0x27:  // maximum packet size
      return Form::four_bytes;
    case 0x0b:  // subscription identifier
      return Form::variable;
    case 0x09:  // correlation data
    case 0x16:  // authentication data
      return Form::binary;
    case 0x03:  // content type
    case 0x08:  // response topic
    case 0x12:  // assigned client identifier
    case 0x15:  // authentication method
    case 0x1a:  // response information
    case 0x1c:  // server reference
    case 0x1f:  // reason string
      return Form::text;
    case 0x26:  // user property
      return Form::pair;
    default:
      return Form::none;
  }
}

void keep_number(Properties& out, std::uint32_t id, std::uint32_t value) {
  const auto byte = static_cast<std::uint8_t>(value);
  const auto two_bytes = static_cast<std::uint16_t>(value);
  if (id == 0x24) out.maximum_qos = byte;
  if (id == 0x28) out.wildcards_available = byte;
  if (id == 0x2a) out.shared_available = byte;
  if (id == 0x13) out.server_keep_alive = two_bytes;
  if (id == 0x23) out.topic_alias = two_bytes;
  if (id == 0x11) out.session_expiry = value;
  if (id == 0x02) out.message_expiry = value;
}

void keep_text(Properties& out, std::uint32_t id, std::string_view value) {
  if (id == 0x1f) out.reason = value;
  if (id == 0x03) out.content_type = value;
  if (id == 0x08) out.response_topic = value;
  if (id == 0x09) out.correlation_data = value;
}

void read_one(Reader& reader, std::uint32_t id, Form form, Properties& out) {
  switch (form) {
    case Form::byte:
      return keep_number(out, id, reader.byte());
    case Form::two_bytes:
      return keep_number(out, id, reader.two_bytes());
    case Form::four_bytes:
      return keep_number(out, id, reader.four_bytes());
    case Form::variable:
      reader.variable();
      return;
    case Form::binary:
      return keep_text(out, id, reader.binary());
    case Form::text:
      return keep_text(out, id, reader.text());
    case Form::pair: {
      const std::string_view name = reader.text();
      out.user.emplace_back(name, reader.text());
      return;
    }
    case Form::none:
      return;
  }
}

}  // namespace

std::optional<Properties> read_properties(Reader& reader) {
  Reader inside(reader.take(reader.variable()));
  if (!reader.ok()) return std::nullopt;
  Properties out;
  std::uint64_t seen = 0;  // a bit for each number, all of which are below 64
  while (inside.ok() && inside.left() != 0) {
    const std::uint32_t id = inside.variable();
    const Form form = form_of(id);
    if (form == Form::none) return std::nullopt;
    const std::uint64_t bit = std::uint64_t{1} << id;
    const bool may_repeat = form == Form::pair || form == Form::variable;
    if ((seen & bit) != 0 && !may_repeat) return std::nullopt;
    seen |= bit;
    read_one(inside, id, form, out);
  }
  if (!inside.ok()) return std::nullopt;
  return out;
}

void put_properties(std::string& out, std::string_view properties) {
  put_variable(out, static_cast<std::uint32_t>(properties.size()));
  out.append(properties);
}

}  // namespace cleat::mqtt
