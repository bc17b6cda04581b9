#include <fmt/format.h>

#include <algorithm>

#include "app/app.hpp"

// What the API sees of the host. A component is seen from its home thread, so an answer may have to travel.

namespace cleat {

Loop& App::current_loop() const {
  const auto found =
      std::find_if(loops_.begin(), loops_.end(), [](const auto& loop) { return loop->is_current(); });
  return found == loops_.end() ? *loops_.front() : **found;
}

Binding* App::find_binding(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

template <class Answer>
void App::ask(std::string_view component, UniqueFunction<Answer(Binding&)> work, Answer unknown,
              UniqueFunction<void(Answer&&)> done) const {
  Binding* const binding = find_binding(component);
  if (binding == nullptr) return done(std::move(unknown));
  if (binding->home().is_current()) return done(work(*binding));
  binding->home().post(
      [binding, &back = current_loop(), work = std::move(work), done = std::move(done)]() mutable {
        back.post([answer = work(*binding), done = std::move(done)]() mutable { done(std::move(answer)); });
      });
}

const Output* App::find_output(std::string_view name) const {
  const Binding* const binding = find_binding(name);
  return binding == nullptr ? nullptr : binding->output();
}

void App::components(UniqueFunction<void(std::vector<ComponentView>&&)> done) const {
  struct Gathering {
    std::vector<ComponentView> views;
    std::size_t left;
    UniqueFunction<void(std::vector<ComponentView>&&)> done;
  };
  if (bindings_.empty()) return done({});
  auto all = std::make_shared<Gathering>(
      Gathering{std::vector<ComponentView>(bindings_.size()), bindings_.size(), std::move(done)});
  for (std::size_t i = 0; i < bindings_.size(); ++i) {
    ask<ComponentView>(
        bindings_[i]->name(), [](Binding& binding) { return binding.view(); }, {},
        [all, i](ComponentView&& view) {
          all->views[i] = std::move(view);
          if (--all->left == 0) all->done(std::move(all->views));
        });
  }
}

void App::held_events(std::string_view component, std::size_t most,
                      UniqueFunction<void(std::optional<HeldEvents>&&)> done) const {
  ask<std::optional<HeldEvents>>(
      component,
      [most](Binding& binding) -> std::optional<HeldEvents> {
        Dispatcher* const dispatcher = binding.dispatcher();
        if (dispatcher != nullptr) return dispatcher->held_events(most);
        return binding.may_be_input() ? std::optional(HeldEvents()) : std::nullopt;
      },
      std::nullopt, std::move(done));
}

void App::decide(std::string_view component, std::string_view event, Decision decision,
                 UniqueFunction<void(Decided&&)> done) {
  const Decided unknown{Decided::Result::not_found,
                        fmt::format("there is no input component '{}'", component)};
  ask<Decided>(
      component,
      [event = std::string(event), decision, unknown](Binding& binding) {
        Dispatcher* const dispatcher = binding.dispatcher();
        if (dispatcher != nullptr) return dispatcher->decide(event, decision);
        return binding.may_be_input() ? no_event_held(event) : unknown;
      },
      unknown, std::move(done));
}

void App::pause(std::string_view component, UniqueFunction<void(Decided&&)> done) {
  ask<Decided>(
      component, [](Binding& binding) { return binding.pause(); },
      {Decided::Result::not_found, fmt::format("there is no component '{}'", component)}, std::move(done));
}

void App::resume(std::string_view component, UniqueFunction<void(Decided&&)> done) {
  ask<Decided>(
      component, [](Binding& binding) { return binding.resume(); },
      {Decided::Result::not_found, fmt::format("there is no component '{}'", component)}, std::move(done));
}

void App::ping(std::string_view component, UniqueFunction<void(FarEnd&&)> done) {
  Binding* const binding = find_binding(component);
  if (binding == nullptr)
    return done({FarEnd::Result::not_found, fmt::format("there is no component '{}'", component)});
  auto back = [&loop = current_loop(), done = std::move(done)](FarEnd&& far_end) mutable {
    loop.post([far_end = std::move(far_end), done = std::move(done)]() mutable { done(std::move(far_end)); });
  };
  binding->home().post([binding, back = std::move(back)]() mutable { binding->ping(std::move(back)); });
}

std::vector<std::string> App::not_ready() const {
  std::vector<std::string> waiting;
  if (ready_.load(std::memory_order_acquire)) return waiting;
  for (const auto& binding : bindings_) {
    if (!binding->start_known()) waiting.push_back("component " + binding->name());
  }
  if (app_port_ && !app_port_->reached()) {
    waiting.push_back(fmt::format("application on {}:{}", options_.app_channel_address, options_.app_port));
  }
  if (waiting.empty()) waiting.emplace_back("runtime");
  return waiting;
}

void App::required_not_ready(UniqueFunction<void(std::vector<std::string>&&)> done) const {
  components([done = std::move(done)](std::vector<ComponentView>&& views) mutable {
    std::vector<std::string> waiting;
    for (const ComponentView& view : views) {
      if (!view.required || view.state == "running") continue;
      waiting.push_back(fmt::format("component {} is {}{}{}", view.name, view.state,
                                    view.reason.empty() ? "" : ": ", view.reason));
    }
    done(std::move(waiting));
  });
}

}  // namespace cleat
