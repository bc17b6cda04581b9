#pragma once

#include <cleat/plugin.hpp>

#include <string_view>

#include "bucket.hpp"

namespace cleat::s3 {

/// What the data of list asks for. Throws Error that says what is wrong with it.
Query list_query(std::string_view data);

/// The answer with the names that AWS's client for Go gives it. Throws Error if it is none.
Response answer_of_list(std::string_view answer);

}  // namespace cleat::s3
