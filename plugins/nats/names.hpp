#pragma once

#include <string>
#include <string_view>

namespace cleat::nats {

/// What is wrong with `subject` as one to publish to: "is empty", "has a blank at place 3", ...; nothing if it can be used.
/// NATS's protocol is text, so that a blank or a line end in a subject would be read as a command of its own.
std::string subject_fault(std::string_view subject);

/// The same for one to read: whole parts may be `*`, the last one `>`.
std::string filter_fault(std::string_view subject);

/// The same for the name of a stream, a durable consumer or a queue group, which are parts of subjects.
std::string name_fault(std::string_view name);

/// The same for the name and the value of a header.
std::string header_name_fault(std::string_view name);
std::string header_value_fault(std::string_view value);

}  // namespace cleat::nats
