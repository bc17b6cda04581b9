#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace cleat {

/// A move-only callable, run once or never. Small ones live inside it, so posting one allocates nothing.
template <class Signature>
class UniqueFunction;

template <class R, class... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() = default;

  template <class F>
  requires(!std::is_same_v<std::decay_t<F>, UniqueFunction> &&
           std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
      UniqueFunction(F&& callable) {  // NOLINT(google-explicit-constructor): meant to take any callable
    using Held = std::decay_t<F>;
    if constexpr (sizeof(Held) <= kInline && alignof(Held) <= alignof(std::max_align_t) &&
                  std::is_nothrow_move_constructible_v<Held>) {
      new (&storage_) Held(std::forward<F>(callable));
      ops_ = &kInlineOps<Held>;
    } else {
      new (&storage_) Held*(new Held(std::forward<F>(callable)));
      ops_ = &kHeapOps<Held>;
    }
  }

  UniqueFunction(UniqueFunction&& other) noexcept { take(other); }
  UniqueFunction& operator=(UniqueFunction&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  UniqueFunction(const UniqueFunction&) = delete;
  UniqueFunction& operator=(const UniqueFunction&) = delete;
  ~UniqueFunction() { reset(); }

  explicit operator bool() const { return ops_ != nullptr; }
  R operator()(Args... args) { return ops_->call(&storage_, std::forward<Args>(args)...); }

 private:
  static constexpr std::size_t kInline = 56;

  struct Ops {
    R (*call)(void*, Args&&...);
    void (*move)(void* to, void* from) noexcept;
    void (*destroy)(void*) noexcept;
  };

  template <class Held>
  static constexpr Ops kInlineOps{[](void* self, Args&&... args) -> R {
                                    return (*static_cast<Held*>(self))(std::forward<Args>(args)...);
                                  },
                                  [](void* to, void* from) noexcept {
                                    new (to) Held(std::move(*static_cast<Held*>(from)));
                                    static_cast<Held*>(from)->~Held();
                                  },
                                  [](void* self) noexcept { static_cast<Held*>(self)->~Held(); }};

  template <class Held>
  static constexpr Ops kHeapOps{
      [](void* self, Args&&... args) -> R {
        return (**static_cast<Held**>(self))(std::forward<Args>(args)...);
      },
      [](void* to, void* from) noexcept { new (to) Held*(*static_cast<Held**>(from)); },
      [](void* self) noexcept { delete *static_cast<Held**>(self); }};

  void take(UniqueFunction& other) noexcept {
    ops_ = std::exchange(other.ops_, nullptr);
    if (ops_ != nullptr) ops_->move(&storage_, &other.storage_);
  }
  void reset() noexcept {
    if (ops_ != nullptr) std::exchange(ops_, nullptr)->destroy(&storage_);
  }

  alignas(std::max_align_t) std::byte storage_[kInline];
  const Ops* ops_ = nullptr;
};

using Task = UniqueFunction<void()>;

}  // namespace cleat
