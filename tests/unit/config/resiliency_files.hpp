#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "config/component.hpp"
#include "temp_folder.hpp"

namespace cleat {

inline constexpr std::string_view kHead =
    "apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: r1}\n";
inline constexpr std::string_view kOrders =
    "---\nkind: Component\nmetadata: {name: orders}\nspec: {type: bindings.x}\n";

inline ComponentSelection app1() {
  ComponentSelection selection;
  selection.app_id = "app1";
  return selection;
}

inline Result<ComponentFiles> try_load(const std::string& yaml,
                                       const ComponentSelection& selection = app1()) {
  const TempFolder folder;
  folder.write("a.yaml", yaml);
  return load_components({folder.path()}, selection);
}

/// What comes of a document with this text after its head, beside a component named orders.
inline ComponentFiles load(std::string_view rest, const ComponentSelection& selection = app1()) {
  auto files = try_load(std::string(kHead) + std::string(rest) + std::string(kOrders), selection);
  EXPECT_TRUE(files) << files.error().text;
  return files ? *files : ComponentFiles{};
}

/// The start error of such a document; empty: none.
inline std::string error_of(std::string_view rest) {
  const auto files = try_load(std::string(kHead) + std::string(rest) + std::string(kOrders));
  return files ? "" : files.error().text;
}

inline std::string with_policies(std::string_view policies) {
  return "spec:\n  policies: {" + std::string(policies) + "}\n";
}

}  // namespace cleat
