#include "amqp_table.hpp"

#include <array>
#include <charconv>

#include "common/json_text.hpp"

namespace cleat::rabbitmq {
namespace {

std::string_view view_of(const amqp_bytes_t& bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}

std::string number_text(double value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end};
}

/// A number or a word that JSON writes without quotes; nothing for another kind.
std::string plain_text(const amqp_field_value_t& value) {
  switch (value.kind) {
    case AMQP_FIELD_KIND_BOOLEAN:
      return value.value.boolean != 0 ? "true" : "false";
    case AMQP_FIELD_KIND_I8:
      return std::to_string(value.value.i8);
    case AMQP_FIELD_KIND_U8:
      return std::to_string(value.value.u8);
    case AMQP_FIELD_KIND_I16:
      return std::to_string(value.value.i16);
    case AMQP_FIELD_KIND_U16:
      return std::to_string(value.value.u16);
    case AMQP_FIELD_KIND_I32:
      return std::to_string(value.value.i32);
    case AMQP_FIELD_KIND_U32:
      return std::to_string(value.value.u32);
    case AMQP_FIELD_KIND_I64:
      return std::to_string(value.value.i64);
    case AMQP_FIELD_KIND_U64:
    case AMQP_FIELD_KIND_TIMESTAMP:
      return std::to_string(value.value.u64);
    case AMQP_FIELD_KIND_F32:
      return number_text(static_cast<double>(value.value.f32));
    case AMQP_FIELD_KIND_F64:
      return number_text(value.value.f64);
    case AMQP_FIELD_KIND_DECIMAL: {
      std::string digits = std::to_string(value.value.decimal.value);
      const std::size_t behind = value.value.decimal.decimals;
      if (behind == 0) return digits;
      if (digits.size() <= behind) digits.insert(0, behind + 1 - digits.size(), '0');
      return digits.insert(digits.size() - behind, ".");
    }
    default:
      return {};
  }
}

void append_json(std::string& out, const amqp_field_value_t& value);

void append_json(std::string& out, const amqp_table_t& table) {
  out += '{';
  for (int i = 0; i < table.num_entries; ++i) {
    if (i > 0) out += ',';
    common::append_json_string(out, view_of(table.entries[i].key));
    out += ':';
    append_json(out, table.entries[i].value);
  }
  out += '}';
}

/// The depth is bounded by rabbitmq-c, which decodes a hundred levels at most.
void append_json(std::string& out, const amqp_field_value_t& value) {
  if (value.kind == AMQP_FIELD_KIND_TABLE) {
    append_json(out, value.value.table);
  } else if (value.kind == AMQP_FIELD_KIND_ARRAY) {
    out += '[';
    for (int i = 0; i < value.value.array.num_entries; ++i) {
      if (i > 0) out += ',';
      append_json(out, value.value.array.entries[i]);
    }
    out += ']';
  } else if (value.kind == AMQP_FIELD_KIND_UTF8 || value.kind == AMQP_FIELD_KIND_BYTES) {
    common::append_json_string(out, view_of(value.value.bytes));
  } else if (const std::string text = plain_text(value); !text.empty()) {
    out += text;
  } else {
    out += "null";
  }
}

std::string text_of(const amqp_field_value_t& value) {
  if (value.kind == AMQP_FIELD_KIND_UTF8 || value.kind == AMQP_FIELD_KIND_BYTES)
    return std::string(view_of(value.value.bytes));
  if (value.kind != AMQP_FIELD_KIND_TABLE && value.kind != AMQP_FIELD_KIND_ARRAY) return plain_text(value);
  std::string out;
  append_json(out, value);
  return out;
}

}  // namespace

amqp_table_entry_t& Table::entry(std::string_view name, std::uint8_t kind) {
  amqp_table_entry_t& made = entries_.emplace_back();
  made.key = {name.size(), const_cast<char*>(name.data())};
  made.value.kind = kind;
  return made;
}

void Table::add(std::string_view name, std::string_view value) {
  entry(name, AMQP_FIELD_KIND_UTF8).value.value.bytes = {value.size(), const_cast<char*>(value.data())};
}

void Table::add(std::string_view name, std::int64_t value) {
  entry(name, AMQP_FIELD_KIND_I64).value.value.i64 = value;
}

void Table::add(std::string_view name, bool value) {
  entry(name, AMQP_FIELD_KIND_BOOLEAN).value.value.boolean = value ? 1 : 0;
}

Pairs table_as_text(const amqp_table_t& table) {
  Pairs out;
  for (int i = 0; i < table.num_entries; ++i)
    out.emplace_back(view_of(table.entries[i].key), text_of(table.entries[i].value));
  return out;
}

}  // namespace cleat::rabbitmq
