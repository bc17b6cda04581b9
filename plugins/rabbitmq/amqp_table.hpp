#pragma once

#include <amqp.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "message.hpp"

namespace cleat::rabbitmq {

/// A table to be sent. Texts that are given as views stay their owner's until then.
class Table {
 public:
  void add(std::string_view name, std::string_view value);
  void add(std::string_view name, const char* value) { add(name, std::string_view(value)); }
  void add(std::string_view name, const std::string& value) { add(name, std::string_view(value)); }
  void add(std::string_view name, std::int64_t value);
  void add(std::string_view name, bool value);
  [[nodiscard]] amqp_table_t raw() { return {static_cast<int>(entries_.size()), entries_.data()}; }

 private:
  amqp_table_entry_t& entry(std::string_view name, std::uint8_t kind);
  std::vector<amqp_table_entry_t> entries_;
};

/// Every entry of a table that was received, as text: numbers in decimal, true and false, a time as seconds since
/// 1970, what holds others as JSON.
Pairs table_as_text(const amqp_table_t& table);

}  // namespace cleat::rabbitmq
