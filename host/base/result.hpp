#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace cleat {

/// Why something expected to fail at times did fail, as a sentence for people: what, where, expected, found, what to do.
struct Error {
  std::string text;
  bool retryable = false;  ///< the same may succeed later
};

/// value() on a failed result is a defect of the caller, so it throws.
[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::logic_error(error.text);
}

/// Expected failures are values. A function that returns a Result does not throw for them.
template <class T = void>
using Result = boost::system::result<T, Error>;

[[nodiscard]] inline Error fail(std::string text, bool retryable = false) {
  return Error{std::move(text), retryable};
}

}  // namespace cleat
