#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"
#include "plugin/ports.hpp"

namespace cleat {

/// Reads the JSON body of an invocation into the request. Names are matched without case, the last of several
/// wins, unknown ones are ignored, and `null` is an empty request: as daprd's decoder does. `data` is passed
/// on as its own text, minified, so numbers keep their digits and objects their order; absent or null it is
/// the four bytes `null`. In strict mode metadata must be an object of strings and bytes after the value are
/// ignored. Otherwise they are an error, and metadata may also hold numbers and booleans, or be a list of
/// objects of one pair or of name/value or key/value. The error is the detail for people.
[[nodiscard]] Result<> read_invoke_body(json::Reader& reader, std::string_view body, bool strict_dapr,
                                        OutputRequest& request);

}  // namespace cleat
