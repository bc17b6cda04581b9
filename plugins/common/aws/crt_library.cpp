#include "common/aws/crt_library.hpp"

#include <aws/auth/auth.h>
#include <aws/common/error.h>
#include <aws/io/channel_bootstrap.h>
#include <aws/io/event_loop.h>
#include <aws/io/host_resolver.h>
#include <aws/io/tls_channel_handler.h>
#include <cleat/values.hpp>

namespace cleat::aws {

aws_allocator* library() {
  static aws_allocator* const ready = [] {
    aws_allocator* allocator = aws_default_allocator();
    aws_auth_library_init(allocator);
    return allocator;
  }();
  return ready;
}

aws_client_bootstrap* library_network() {
  static aws_client_bootstrap* const made = [] {
    aws_client_bootstrap_options options{};
    options.event_loop_group = aws_event_loop_group_new_default(library(), 1, nullptr);
    aws_host_resolver_default_options resolver{};
    resolver.max_entries = 8;
    resolver.el_group = options.event_loop_group;
    options.host_resolver = aws_host_resolver_new_default(library(), &resolver);
    return aws_client_bootstrap_new(library(), &options);
  }();
  return made;
}

aws_tls_ctx* new_tls(const std::string& ca) {
  aws_tls_ctx_options options{};
  aws_tls_ctx_options_init_default_client(&options, library());
  const aws_byte_cursor pem = cursor(ca);
  aws_tls_ctx* made = nullptr;
  if (ca.empty() || aws_tls_ctx_options_override_default_trust_store(&options, &pem) == AWS_OP_SUCCESS)
    made = aws_tls_client_ctx_new(library(), &options);
  aws_tls_ctx_options_clean_up(&options);
  if (made == nullptr)
    throw Error(CLEAT_INVALID, "TLS towards the source of credentials cannot be set up: " + library_error());
  return made;
}

std::string library_error(int code) {
  return aws_error_str(code);
}

std::string library_error() {
  return library_error(aws_last_error());
}

}  // namespace cleat::aws
