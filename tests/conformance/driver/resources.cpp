#include <malloc.h>

#include <filesystem>
#include <iterator>

#include "session.hpp"

// AddressSanitizer keeps its own books; without it the symbol is not there.
extern "C" __attribute__((weak)) std::size_t __sanitizer_get_current_allocated_bytes();

namespace cleat::conformance {
namespace {

std::int64_t entries(const char* folder) {
  return std::distance(std::filesystem::directory_iterator(folder), {});
}

std::int64_t heap_bytes() {
  if (__sanitizer_get_current_allocated_bytes != nullptr) {
    return static_cast<std::int64_t>(__sanitizer_get_current_allocated_bytes());
  }
  const struct mallinfo2 info = ::mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
}

}  // namespace

Line resources() {
  Line line;
  line.text("kind", "resources").number("fds", entries("/proc/self/fd"));
  line.number("threads", entries("/proc/self/task")).number("heap", heap_bytes());
  return line;
}

}  // namespace cleat::conformance
