#pragma once

#include <cleat/plugin.hpp>

#include <string>
#include <string_view>

#include "common/azure/client.hpp"

namespace cleat::blobstorage {

/// List Blobs as the data of a call asks for it: {"marker", "prefix", "maxResults", "include": {...}}, all of it optional.
/// Throws Error for what is none.
azure::ServiceRequest list_of(const Request& request);

/// The blobs as a JSON array, with the metadata marker, number and pagesTraversed. Throws Error if `answer` is no listing.
Response answer_of_list(std::string_view answer);

}  // namespace cleat::blobstorage
