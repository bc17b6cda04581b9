#pragma once

#include <string>

#include "common/json_value.hpp"

namespace cleat::bucket {

/// An object of the JSON API as Dapr lists it: the members of ObjectAttrs of Google's client for Go, what is not there as its
/// zero value.
std::string attributes_of(const common::JsonValue& object);

/// The same of a prefix, which a list with a delimiter has in place of the objects behind it.
std::string attributes_of_prefix(const std::string& prefix);

/// A member of this name, of a text what it stands for, otherwise as it was written; empty without.
std::string text_of(const common::JsonValue& object, const char* name);

}  // namespace cleat::bucket
