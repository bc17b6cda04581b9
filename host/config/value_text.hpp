#pragma once

#include <string>

#include "config/yaml.hpp"

namespace cleat {

struct ValueText {
  std::string text;
  std::string remark;  ///< not empty: the file says something else than its author may think
};

/// A metadata value as the text that a plugin gets, as daprd does: quoted text as it is, null as nothing,
/// true and false in small letters, numbers with the digits that were written (hexadecimal and octal ones in
/// decimal), lists and mappings as JSON in the file's order. Unlike daprd, text is never unquoted a second
/// time, and yes, no, on and off stay as written.
ValueText value_text(const YamlNode& value);

/// A scalar's own characters; nothing for null, a list or a mapping.
std::string plain_text(const YamlNode& node);

}  // namespace cleat
