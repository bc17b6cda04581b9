#include "app/settings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/dead_letter_target.hpp"
#include "base/text.hpp"

namespace cleat {
namespace {

class Settings {
 public:
  Settings(const BindingContext& context, const Component& component, const BindingType& type,
           CheckedMetadata& metadata)
      : context_(context),
        component_(component),
        type_(type),
        host_(metadata.host),
        fields_(metadata.host.delivery),
        values_(metadata.plugin),
        warnings_(metadata.warnings) {}

  Result<InputSettings> make() {
    InputSettings settings;
    settings.ask_application = !host_.direction_given;
    settings.route = {component_.name,
                      type_.type,
                      host_.route.empty() ? component_.name : host_.route,
                      host_.content_type_from_source,
                      fields_.delivery_reply || fields_.reply_outputs,
                      fields_.handler_timeout_ns};
    DispatcherOptions& options = settings.dispatcher;
    options.component = component_.name;
    options.fields = fields_;
    options.delayed_return = type_.delayed_return;
    for (const Result<>& done : {set_verdicts(options), set_policy(settings), set_dead_letter(options)}) {
      if (!done) return done.error();
    }
    return settings;
  }

 private:
  [[nodiscard]] Error fault(std::string_view field, std::string text) const {
    return fail(fmt::format("{}: field '{}': {}", component_.where(), field, text));
  }
  void warn(std::string_view text) { warnings_.push_back(fmt::format("{}: {}", component_.where(), text)); }

  Result<> set_verdicts(DispatcherOptions& options) {
    options.verdicts.read_bodies(fields_.delivery_reply);
    options.verdicts.limit_retry_after(fields_.max_retry_after_ns);
    if (const Result<> set = options.verdicts.set(fields_.delivery_status); !set) {
      return fault("deliveryStatus", set.error().text);
    }
    const bool wants_target =
        options.verdicts.asks_for_dead_letter() || fields_.on_exhausted == OnExhausted::dead_letter;
    if (wants_target && fields_.dead_letter.empty()) {
      warn(
          "events may become dead letters, but there is no deadLetter: they will be blocked until a person "
          "decides");
    }
    return {};
  }

  // A Resiliency file, then a retry policy by name, then the binding type's own retry fields; maxAttempts and maxElapsed on top
  // of the latter two.
  Result<> set_policy(InputSettings& settings) {
    DispatcherOptions& options = settings.dispatcher;
    const Policy policy = context_.policies.find(component_.name, Direction::inbound);
    options.gate.breaker = policy.breaker;
    if (policy.timeout_ns != 0) {
      if (fields_.handler_timeout_ns != 0)
        warn("handlerTimeout has no effect: a Resiliency file sets the inbound timeout");
      settings.route.handler_timeout_ns = policy.timeout_ns;
    }
    if (policy.retry) {
      const bool has_own = fields_.max_attempts != 0 || fields_.max_elapsed_ns != 0 ||
                           !fields_.retry_policy.empty() || host_.fed_retry;
      if (has_own)
        warn("its own fields for retries have no effect: a Resiliency file sets the inbound retry policy");
      options.retry = *policy.retry;
      return {};
    }
    if (!fields_.retry_policy.empty()) {
      const RetryPolicy* const named = context_.policies.find_retry(fields_.retry_policy);
      if (named == nullptr) {
        return fault("retryPolicy",
                     fmt::format("expected the name of a retry policy in a Resiliency file, found '{}'",
                                 fields_.retry_policy));
      }
      options.retry = *named;
    } else if (host_.fed_retry) {
      options.retry = *host_.fed_retry;
    }
    if (fields_.max_attempts != 0) options.retry.max_attempts = fields_.max_attempts;
    if (fields_.max_elapsed_ns != 0) options.retry.max_elapsed_ns = fields_.max_elapsed_ns;
    return {};
  }

  Result<> set_dead_letter(DispatcherOptions& options) {
    DeadLetterOptions& letter = options.dead_letter;
    letter.source = component_.name;
    if (fields_.dead_letter.empty()) return {};
    if (fields_.dead_letter == "broker") {
      letter.to = DeadLetterOptions::To::broker;
      return {};
    }
    letter.to = DeadLetterOptions::To::component;
    letter.target = fields_.dead_letter;
    letter.operation = fields_.dead_letter_operation;
    letter.metadata = fields_.dead_letter_metadata;
    return check_target(letter);
  }

  [[nodiscard]] Result<> check_target(const DeadLetterOptions& letter) const {
    if (letter.target == component_.name) {
      return fault(
          "deadLetter",
          "expected another component, found this one itself: its dead letters would come back as events");
    }
    const Component* const target = context_.find_component(letter.target);
    if (target == nullptr) {
      return fault(
          "deadLetter",
          fmt::format("expected the name of an output component, or broker, found '{}', which is not defined",
                      letter.target));
    }
    const BindingType* type = nullptr;
    if (context_.catalogue.find(target->type, &type) == nullptr)
      return {};  // the target says itself what is wrong with it
    if ((type->directions & CLEAT_OUT) == 0) {
      return fault("deadLetter",
                   fmt::format("expected an output component, found '{}' of type {}, which offers input only",
                               letter.target, type->type));
    }
    const auto& offered = type->operations;
    if (std::find(offered.begin(), offered.end(), letter.operation) == offered.end()) {
      return fault("deadLetterOperation",
                   fmt::format("expected one of {} offers ({}), found '{}'", type->type,
                               fmt::join(offered, ", "), letter.operation));
    }
    const Result<> way =
        check_letter_destination({component_, type_}, values_, {*target, *type}, letter.metadata);
    if (!way) return fault("deadLetter", way.error().text);
    return {};
  }

  const BindingContext& context_;
  const Component& component_;
  const BindingType& type_;
  const HostFields& host_;
  const DeliveryFields& fields_;
  const Pairs& values_;
  std::vector<std::string>& warnings_;
};

}  // namespace

Result<InputSettings> input_settings(const BindingContext& context, const Component& component,
                                     const BindingType& type, CheckedMetadata& metadata) {
  return Settings(context, component, type, metadata).make();
}

}  // namespace cleat
