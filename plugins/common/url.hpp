#pragma once

#include <string>
#include <string_view>

namespace cleat::common {

/// `text` for a query or a form: everything but letters, digits and "-._~" as %XX.
std::string url_encoded(std::string_view text);

/// A path's part: encoded, slashes too unless they are kept.
std::string encoded_path(std::string_view text, bool keep_slashes);

}  // namespace cleat::common
