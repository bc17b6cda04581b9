#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "config/fed_retry.hpp"
#include "config/metadata.hpp"

namespace cleat {

/// What host fields say together: combinations that cannot be are faults, those where a field does nothing are warnings.
/// `is_given`: whether the component has a field of this name.
void check_host_fields(const HostFields& fields, const BindingType& type,
                       const std::function<bool(std::string_view)>& is_given,
                       std::vector<FieldRemark>& faults, std::vector<FieldRemark>& warnings);

}  // namespace cleat
