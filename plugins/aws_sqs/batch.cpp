#include "batch.hpp"

#include <charconv>
#include <string>

namespace cleat::sqs {
namespace {

std::string text_of(const common::JsonValue& entry, std::string_view name) {
  const common::JsonValue* member = entry.find(name);
  return member != nullptr ? member->text : std::string();
}

bool is_true(const common::JsonValue* value) {
  return value != nullptr && (value->raw == "true" || value->text == "true");
}

template <class F>
void each_of(const common::JsonValue& answer, std::string_view list, std::size_t count, const F& use) {
  const common::JsonValue* entries = answer.find(list);
  if (entries == nullptr) return;
  for (const common::JsonValue& entry : entries->items) {
    const std::string id = text_of(entry, "Id");
    std::size_t index = count;
    const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), index);
    if (error == std::errc() && end == id.data() + id.size() && index < count) use(index, entry);
  }
}

}  // namespace

void Entries::add(std::string_view json) {
  if (count_ != 0) json_ += ',';
  json_.append("{\"Id\":\"").append(std::to_string(count_)).append("\",").append(json).append("}");
  ++count_;
}

std::vector<EntryAnswer> entries_of(const common::JsonValue& answer, std::size_t count,
                                    std::string_view what) {
  std::vector<EntryAnswer> out(count);
  for (EntryAnswer& each : out)
    each.failure.text = std::string(what) + ": the answer does not say what became of this message";
  each_of(answer, "Successful", count,
          [&](std::size_t index, const common::JsonValue& entry) { out[index].successful = &entry; });
  each_of(answer, "Failed", count, [&](std::size_t index, const common::JsonValue& entry) {
    const bool is_ours = is_true(entry.find("SenderFault"));
    const std::string code = text_of(entry, "Code"), message = text_of(entry, "Message");
    EntryAnswer& mine = out[index];
    mine.successful = nullptr;
    mine.failure = aws::meaning_of(code, is_ours ? 400 : 500, true);
    mine.is_refused = is_ours && !mine.failure.is_retryable;
    mine.failure.is_retryable = !mine.is_refused;
    mine.failure.text = std::string(what) + ": " + code + (message.empty() ? "" : ": " + message);
  });
  return out;
}

}  // namespace cleat::sqs
