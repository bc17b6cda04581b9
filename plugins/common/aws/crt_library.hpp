#pragma once

#include <aws/common/byte_buf.h>

#include <string>
#include <string_view>

struct aws_client_bootstrap;
struct aws_tls_ctx;

namespace cleat::aws {

/// AWS's library, set up at the first call for the life of the process: a plugin's file is never unloaded.
aws_allocator* library();
/// What its connections are made with. The first call begins its one thread.
aws_client_bootstrap* library_network();
/// A reference for the caller. Throws Error(CLEAT_INVALID) if `ca`, PEM text, is none.
aws_tls_ctx* new_tls(const std::string& ca);

/// What the library's last error of this thread, or this one, says.
std::string library_error();
std::string library_error(int code);

inline aws_byte_cursor cursor(std::string_view text) {
  return aws_byte_cursor_from_array(text.data(), text.size());
}
inline std::string text_of(aws_byte_cursor bytes) {
  return {reinterpret_cast<const char*>(bytes.ptr), bytes.len};
}

}  // namespace cleat::aws
