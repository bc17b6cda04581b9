#include <cleat/plugin.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>

#include "plugin/abi.hpp"

// Host and plugin may be built with headers of different minors: whoever reads asks struct_size first.
namespace cleat {
namespace {

/// A struct of the other side, in a block of exactly its size, so that a sanitizer sees any read beyond it.
template <class T>
class OfSize {
 public:
  OfSize(const T& from, std::uint32_t size) : bytes_(new unsigned char[size]) {
    std::memset(bytes_.get(), 0xee, size);
    std::memcpy(bytes_.get(), &from, std::min<std::size_t>(size, sizeof from));
    std::memcpy(bytes_.get(), &size, sizeof size);
  }
  const T* get() const { return reinterpret_cast<const T*>(bytes_.get()); }

 private:
  std::unique_ptr<unsigned char[]> bytes_;
};

cleat_failure failure() {
  cleat_failure whole{};
  whole.code = CLEAT_DENIED;
  whole.flags = CLEAT_RETRYABLE;
  whole.native_code = 7;
  whole.text = to_abi("no");
  return whole;
}

TEST(Skew, AMemberIsThereOnlyIfTheWholeOfItIs) {
  constexpr auto kEnd =
      static_cast<std::uint32_t>(offsetof(cleat_failure, native_code) + sizeof(std::int64_t));
  for (std::uint32_t size = sizeof(std::uint32_t); size <= sizeof(cleat_failure); ++size) {
    const OfSize<cleat_failure> theirs(failure(), size);
    EXPECT_EQ(CLEAT_HAS(cleat_failure, theirs.get(), native_code), size >= kEnd) << size;
  }
}

TEST(Skew, AFunctionThatIsBeyondTheTableIsNotThere) {
  cleat_binding_type whole{};
  whole.get_extension = [](void*, const char*) -> const void* { return nullptr; };
  const OfSize<cleat_binding_type> older(whole, offsetof(cleat_binding_type, get_extension));
  const OfSize<cleat_binding_type> same(whole, sizeof whole);
  const OfSize<cleat_binding_type> newer(whole, sizeof whole + 64);
  EXPECT_FALSE(CLEAT_CAN(cleat_binding_type, older.get(), get_extension));
  EXPECT_TRUE(CLEAT_CAN(cleat_binding_type, same.get(), get_extension));
  EXPECT_TRUE(CLEAT_CAN(cleat_binding_type, newer.get(), get_extension));
  EXPECT_FALSE(CLEAT_CAN(cleat_binding_type, newer.get(), ping)) << "there, but NULL";
}

TEST(Skew, WhatAnOlderSideDoesNotHaveReadsAsZero) {
  const OfSize<cleat_failure> older(failure(), offsetof(cleat_failure, native_code));
  const cleat_failure ours = copy_in(*older.get());
  EXPECT_EQ(ours.code, CLEAT_DENIED);
  EXPECT_EQ(ours.flags, CLEAT_RETRYABLE);
  EXPECT_EQ(ours.native_code, 0);
  EXPECT_EQ(ours.text.ptr, nullptr);
  EXPECT_EQ(ours.text.len, 0U);
}

TEST(Skew, WhatANewerSideHasMoreIsLeftAlone) {
  const OfSize<cleat_failure> newer(failure(), sizeof(cleat_failure) + 32);
  const cleat_failure ours = copy_in(*newer.get());
  EXPECT_EQ(ours.native_code, 7);
  EXPECT_EQ(from_abi(ours.text), "no");
}

}  // namespace
}  // namespace cleat
