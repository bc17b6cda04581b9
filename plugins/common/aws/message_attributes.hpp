#pragma once

#include <cleat/values.hpp>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cleat::aws {

/// Names and values of type String, as messages of SQS and SNS have them.
using MessageAttributes = std::vector<std::pair<std::string, std::string>>;

/// All of a request's metadata but `ours`, which a plugin has another use for, and its trace where there is room for it.
/// Throws Error(CLEAT_INVALID) for what cannot be an attribute, and for more than ten.
MessageAttributes attributes_of(const Request& request, std::initializer_list<std::string_view> ours);

/// Whether `text` may be the text of a message or an attribute: not empty, UTF-8, and only characters that XML has.
bool is_sendable(std::string_view text);

}  // namespace cleat::aws
