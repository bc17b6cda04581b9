/* SPDX-License-Identifier: Apache-2.0
 *
 * cleat/plugin.hpp: plugin.h for C++17 and later. Header only. A class, with the methods it has, becomes a
 * binding type:
 *
 *   class Echo {
 *    public:
 *     explicit Echo(cleat::Host host) : host_(host) {}  // create(); the destructor is close()
 *     void init(const cleat::Config& config) { prefix_ = config.text("prefix"); }
 *     void invoke(const cleat::Request& request, cleat::Call&& call) {
 *       if (request.operation() != "create") throw cleat::Error(CLEAT_UNSUPPORTED, "only 'create'");
 *       call.complete({cleat::Buffer::of(prefix_ + std::string(request.data()))});
 *     }
 *     ...
 *   };
 *   CLEAT_PLUGIN("manifest.json", cleat::type<Echo>("bindings.echo"))  // in one source file, any number of types
 *
 * All methods: init(const Config&), start(Deadline), ping(Deadline), invoke(const Request&, Call&&),
 * cancel(call_id), begin_input(const Window&), set_window(const Window&), settle(Settlements),
 * end_input(Deadline), stop(Deadline). init, start and stop may be missing and then do nothing; another one
 * that is missing is missing in the table. Nothing that is thrown crosses into the host: cleat::Error arrives
 * with its status and text, everything else as CLEAT_INTERNAL. The contract of each method stands in
 * plugin.h. */
#pragma once

#include <cleat/plugin.h>
#include <cleat/values.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <type_traits>
#include <vector>

namespace cleat {
inline namespace plugin_v0 {

/// The host's table, a small value to be copied freely. Every function: any thread, never blocks.
class Host {
 public:
  explicit Host(const cleat_host* raw) : raw_(raw) {}
  [[nodiscard]] const cleat_host* raw() const { return raw_; }
  [[nodiscard]] std::uint64_t now_ns() const { return raw_->now_ns(raw_); }
  /// Up to 16 fields are written.
  void log(std::int32_t level, std::string_view message,
           std::initializer_list<std::pair<std::string_view, std::string_view>> fields = {}) const noexcept {
    std::array<cleat_kv, 16> items{};
    std::size_t count = 0;
    for (const auto& [key, value] : fields) {
      if (count < items.size()) items[count++] = {str(key), str(value)};
    }
    const cleat_map map{items.data(), count};
    raw_->log(raw_, level, str(message), &map);
  }
  /// `task(bool cancelled)` runs once, or never if this does not return CLEAT_OK. What it throws is logged.
  template <class F>
  cleat_status post(F task, std::uint64_t not_before_ns = 0, std::uint32_t flags = 0) const {
    struct Posted {
      Host host;
      F task;
    };
    auto* posted = new Posted{*this, std::move(task)};
    const auto run = [](void* arg, std::int32_t cancelled) {
      auto* mine = static_cast<Posted*>(arg);
      mine->host.guarded("a posted task", [&] { mine->task(cancelled != 0); });
      delete mine;
    };
    const cleat_status status = raw_->post(raw_, run, posted, not_before_ns, flags);
    if (status != CLEAT_OK) delete posted;
    return status;
  }
  void set_health(std::int32_t state, std::string_view why) const { raw_->set_health(raw_, state, str(why)); }
  cleat_status deliver(cleat_event* const* events, std::uint32_t count, std::uint32_t& accepted) const {
    return raw_->deliver(raw_, events, count, &accepted);
  }
  void withdraw(std::int32_t by, const std::uint64_t* ids, std::uint32_t count) const {
    raw_->withdraw(raw_, by, ids, count);
  }
  /// Runs `body`; what it throws is logged.
  template <class F>
  void guarded(std::string_view where, F&& body) const noexcept {
    try {
      body();
    } catch (...) {
      with_current_exception([&](const cleat_failure& failure) {
        log(CLEAT_LOG_ERROR, "the plugin threw where nothing may be thrown",
            {{"function", where}, {"error", view(failure.text)}});
      });
    }
  }

 private:
  const cleat_host* raw_;
};

struct Response {
  Buffer data{};
  std::string content_type{};
  std::vector<std::pair<std::string, std::string>> metadata{};
};

/// The duty to complete one call. Move-only; dropped without an answer it completes with CLEAT_INTERNAL. Any
/// thread.
class Call {
 public:
  Call(Host host, cleat_call* token) : host_(host), token_(token) {}
  Call(Call&& other) noexcept : host_(other.host_), token_(std::exchange(other.token_, nullptr)) {}
  Call& operator=(Call&& other) noexcept {
    std::swap(host_, other.host_);
    std::swap(token_, other.token_);
    return *this;
  }
  ~Call() {
    if (token_ != nullptr) fail(CLEAT_INTERNAL, "the plugin dropped this call without an answer");
  }
  /// Done, without a body.
  void complete() noexcept { finish(nullptr, nullptr); }
  void complete(Response response) { finish(std::move(response), nullptr); }
  void fail(cleat_status status, std::string_view text, std::uint32_t flags = 0,
            std::int64_t native_code = 0) noexcept {
    fail({sizeof(cleat_failure), status, flags, 0, native_code, str(text)});
  }
  void fail(const cleat_failure& failure) noexcept { finish(nullptr, &failure); }
  /// The far end answered, and the answer is a failure: the caller gets both.
  void fail(const cleat_failure& failure, Response response) { finish(std::move(response), &failure); }
  [[nodiscard]] explicit operator bool() const { return token_ != nullptr; }

 private:
  void finish(Response response, const cleat_failure* failure) {
    std::vector<cleat_kv> items;
    items.reserve(response.metadata.size());
    for (const auto& [key, value] : response.metadata)
      items.push_back({str(key), str(value)});
    cleat_response raw{};
    raw.struct_size = sizeof raw;
    raw.content_type = str(response.content_type);
    raw.metadata = {items.data(), items.size()};
    raw.data = response.data.take();
    finish(&raw, failure);
  }
  void finish(cleat_response* response, const cleat_failure* failure) noexcept {
    host_.raw()->complete(host_.raw(), std::exchange(token_, nullptr), response, failure);
  }
  Host host_;
  cleat_call* token_;
};

}  // namespace plugin_v0
}  // namespace cleat

#include <cleat/thunks.hpp>  // cleat::type<T>() and CLEAT_PLUGIN
