#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "api/host_view.hpp"

namespace cleat::testing {

/// An output that keeps what it was asked and answers what the test says: at once, or when finish() is
/// called.
class FakeOutputPort final : public OutputPort {
 public:
  void invoke(OutputRequest&& request, std::uint32_t shard, OutputDone done) override {
    requests.push_back(std::move(request));
    shards.push_back(shard);
    if (hold) {
      held.push_back(std::move(done));
    } else {
      done(make_result ? make_result(requests.back()) : OutputResult{});
    }
  }
  void finish(std::size_t index, OutputResult&& result) { held.at(index)(std::move(result)); }

  bool hold = false;
  UniqueFunction<OutputResult(const OutputRequest&)> make_result;
  std::vector<OutputRequest> requests;
  std::vector<std::uint32_t> shards;
  std::vector<OutputDone> held;
};

class FakeHostView final : public HostView {
 public:
  [[nodiscard]] const Output* find_output(std::string_view name) const override {
    const auto found =
        std::find_if(outputs.begin(), outputs.end(), [&](const Output& one) { return one.name == name; });
    return found == outputs.end() ? nullptr : &*found;
  }
  [[nodiscard]] std::vector<ComponentView> components() const override { return views; }
  [[nodiscard]] std::vector<std::string> not_ready() const override { return waiting_for; }
  [[nodiscard]] bool outbound_ready() const override { return outbound; }
  void request_shutdown(bool force) override { shutdowns.push_back(force); }

  std::vector<Output> outputs;
  std::vector<ComponentView> views;
  std::vector<std::string> waiting_for;
  bool outbound = true;
  std::vector<bool> shutdowns;
};

inline OutputResult result_with_body(std::string text) {
  OutputResult result;
  result.has_body = true;
  result.data = Buffer::of(std::move(text));
  return result;
}

}  // namespace cleat::testing
