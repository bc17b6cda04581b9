#pragma once

#include "base/result.hpp"
#include "base/text.hpp"
#include "config/component.hpp"
#include "plugin/manifest.hpp"

namespace cleat {

/// One end of a dead letter's way: a component and the type that it is of.
struct LetterEnd {
  const Component& component;
  const BindingType& type;
};

/// Whether dead letters of `source` have somewhere to go in `target`, and do not come back as events of `source`. Decided from
/// what the manifests say about their fields (`names`): the same type, a server in common, and the destination among the
/// sources. Names of servers are compared as text, so an address and its name count as two; a destination with a template
/// in it is known only when it is written. A target that has a fault of its own says that itself: here it passes.
/// `source_values`: the source's checked metadata. `metadata`: what the dead letter's requests carry. The error says what was
/// found, without the place.
Result<> check_letter_destination(const LetterEnd& source, const Pairs& source_values,
                                  const LetterEnd& target, const Pairs& metadata);

}  // namespace cleat
