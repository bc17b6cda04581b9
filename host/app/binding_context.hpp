#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/loop.hpp"
#include "cli/options.hpp"
#include "config/component.hpp"
#include "delivery/application.hpp"
#include "delivery/output_finder.hpp"
#include "plugin/catalogue.hpp"
#include "plugin/instance.hpp"
#include "policy/policy.hpp"

namespace cleat {

/// What an input component's way to the application is made from.
struct RouteRequest {
  std::string component, type, path;
  bool content_type_from_source = false;
  bool reads_answers = false;
  std::uint64_t handler_timeout_ns = 0;
};

/// What all components share. Outlives them.
struct BindingContext {
  const Options& options;
  const Catalogue& catalogue;
  Log& log;
  std::string plugin_places;  ///< the plugin directories, for messages
  std::vector<Loop*> loops;
  Pairs facts;
  Policies policies;
  /// Makes a component's way to the application, on the home loop it is given; empty: there is no application.
  std::function<std::unique_ptr<Application>(std::size_t home, const RouteRequest&)> make_route;
  /// Opens a plugin's file, one at a time.
  std::function<Result<const cleat_plugin*>(const CatalogueEntry&)> open_library;
  /// The component of that name, or nullptr.
  std::function<const Component*(std::string_view name)> find_component;
  OutputFinder find_output;
  /// Something became known: that a component has started or not, that an input is idle. Any thread.
  std::function<void()> changed;
};

}  // namespace cleat
