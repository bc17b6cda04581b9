#include "config/host_field_rules.hpp"

#include <cleat/plugin.h>
#include <fmt/format.h>

#include "config/delivery_readers.hpp"

namespace cleat {
namespace {

class Rules {
 public:
  Rules(const HostFields& fields, const BindingType& type,
        const std::function<bool(std::string_view)>& is_given, std::vector<FieldRemark>& faults,
        std::vector<FieldRemark>& warnings)
      : fields_(fields),
        delivery_(fields.delivery),
        type_(type),
        is_given_(is_given),
        faults_(faults),
        warnings_(warnings) {}

  void check() {
    if ((fields_.directions & CLEAT_IN) == 0) return check_without_input();
    if (delivery_.batch_max < 2) warn_if_given("batchLinger", "has no effect without batchMax of 2 or more");
    check_dead_letter();
    if (!delivery_.reply_outputs) {
      warn_if_given("replyOutputsAllowed", "has no effect without replyOutputs: after-ack");
    } else if (delivery_.reply_outputs_allowed.empty()) {
      warnings_.push_back(
          {"replyOutputs", "has no effect: replyOutputsAllowed names no output that may be called"});
    }
  }

 private:
  void warn_if_given(std::string_view name, std::string_view text) {
    if (is_given_(name)) warnings_.push_back({std::string(name), std::string(text)});
  }

  void check_without_input() {
    for (const HostField& field : delivery_fields())
      warn_if_given(field.name, "has no effect: the component has no input");
  }

  void check_dead_letter() {
    if (delivery_.dead_letter.empty()) {
      for (const char* name :
           {"deadLetterOperation", "deadLetterMetadata", "deadLetterBurst", "deadLetterTooLarge"})
        warn_if_given(name, "has no effect without deadLetter");
      if (delivery_.on_exhausted == OnExhausted::dead_letter)
        warnings_.push_back(
            {"onExhausted", "says dead-letter, but there is no deadLetter: such an event is blocked"});
      return;
    }
    if (delivery_.dead_letter != "broker") return;
    for (const char* name : {"deadLetterOperation", "deadLetterMetadata", "deadLetterTooLarge"})
      warn_if_given(name, "has no effect with deadLetter: broker");
    if (type_.broker_dead_letter) return;
    faults_.push_back(
        {"deadLetter",
         fmt::format(
             "expected the name of an output component, found 'broker': {} has no dead letter of its own "
             "(broker_dead_letter in its manifest)",
             type_.type)});
  }

  const HostFields& fields_;
  const DeliveryFields& delivery_;
  const BindingType& type_;
  const std::function<bool(std::string_view)>& is_given_;
  std::vector<FieldRemark>& faults_;
  std::vector<FieldRemark>& warnings_;
};

}  // namespace

void check_host_fields(const HostFields& fields, const BindingType& type,
                       const std::function<bool(std::string_view)>& is_given,
                       std::vector<FieldRemark>& faults, std::vector<FieldRemark>& warnings) {
  Rules(fields, type, is_given, faults, warnings).check();
}

}  // namespace cleat
