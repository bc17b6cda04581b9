#pragma once

#include <string>

#include "app/binding_context.hpp"
#include "app/input_side.hpp"
#include "base/result.hpp"
#include "config/metadata.hpp"

namespace cleat {

/// What an input does with its events: the component's own fields, the binding type's, and the Resiliency files, which win
/// (both together is a warning). The error names component, field, expected and found.
/// Warnings are added to those of the metadata.
Result<InputSettings> input_settings(const BindingContext& context, const Component& component,
                                     const BindingType& type, CheckedMetadata& metadata);

}  // namespace cleat
