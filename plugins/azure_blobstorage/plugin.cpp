#include <cleat/plugin.hpp>

#include "blobstorage_binding.hpp"

CLEAT_PLUGIN("manifest.json",
             cleat::type<cleat::blobstorage::BlobStorageBinding>("bindings.azure.blobstorage"))
