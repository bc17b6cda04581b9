#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cleat::eventhubs {

/// What the service makes of an application property that an AMQP producer has set: the value of a Kafka header is then the
/// property in AMQP's encoding, a type byte first. As text: numbers in decimal, true and false, times as RFC 3339, UUIDs
/// with dashes, strings and bytes as they are, nothing for null. Empty: these bytes are no whole AMQP value.
std::optional<std::string> decode_amqp(std::string_view bytes);

/// Whether the bytes can be nothing else: a whole AMQP value whose type byte begins no text in UTF-8, as those of strings,
/// times and UUIDs.
bool is_surely_amqp(std::string_view bytes);

/// Whether the bytes are text that may be shown: valid UTF-8 without control characters but for tab and line end.
bool is_plain_text(std::string_view bytes);

/// Milliseconds since 1970 as "2026-11-28T11:06:08Z".
std::string rfc3339(std::int64_t ms);

}  // namespace cleat::eventhubs
