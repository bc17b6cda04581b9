#pragma once

#include <cleat/plugin.hpp>

#include <string>
#include <string_view>

#include "common/curl/loop.hpp"

namespace cleat::http {

/// The body as data; `statusCode`, `status` and all headers as metadata. What is not unique in it is joined with ", ".
Response to_response(common::HttpResponse&& answer);

/// "200 OK"; with HTTP/2, where no words come along, the usual ones.
std::string status_line(const common::HttpResponse& answer);

/// A header's name as Go writes it, and with it Dapr: "content-type" and "CONTENT-TYPE" are "Content-Type".
std::string canonical_name(std::string_view name);

/// Whether a request with this answer may be sent again: the server says that it did nothing, or once more does no harm.
bool may_be_repeated(int status, bool is_idempotent);

}  // namespace cleat::http
