#include <aws/auth/credentials.h>
#include <aws/auth/signable.h>
#include <aws/auth/signing.h>
#include <aws/auth/signing_config.h>
#include <aws/auth/signing_result.h>
#include <aws/common/string.h>
#include <aws/http/request_response.h>
#include <aws/io/stream.h>

#include <cleat/values.hpp>
#include <memory>
#include <string_view>

#include "common/aws/crt_library.hpp"
#include "common/aws/signature.hpp"
#include "common/text.hpp"

namespace cleat::aws {
namespace {

struct Release {
  void operator()(aws_http_message* message) const { aws_http_message_release(message); }
  void operator()(aws_input_stream* stream) const { aws_input_stream_release(stream); }
  void operator()(aws_signable* signable) const { aws_signable_destroy(signable); }
  void operator()(aws_credentials* credentials) const { aws_credentials_release(credentials); }
};
template <class T>
using Held = std::unique_ptr<T, Release>;

void check(int result) {
  if (result != AWS_OP_SUCCESS)
    throw Error(CLEAT_INTERNAL, "the request cannot be signed: " + library_error());
}

struct Address {
  std::string host;  ///< as the header has it: without the scheme's own port
  std::string path;  ///< with the query
  std::size_t path_at = 0;
};

Address address_of(const std::string& url) {
  const std::size_t scheme = url.find("://"), begin = scheme == std::string::npos ? 0 : scheme + 3;
  const std::size_t end = std::min(url.find_first_of("/?", begin), url.size());
  Address out{url.substr(begin, end - begin), url.substr(end), end};
  if (out.path.empty() || out.path[0] == '?') out.path.insert(0, "/");
  const std::string_view usual = common::lower(url.substr(0, 6)) == "https:" ? ":443" : ":80";
  if (out.host.size() > usual.size() &&
      out.host.compare(out.host.size() - usual.size(), usual.size(), usual) == 0)
    out.host.resize(out.host.size() - usual.size());
  return out;
}

void add_header(aws_http_message* message, std::string_view name, std::string_view value) {
  aws_http_header header{};
  header.name = cursor(name);
  header.value = cursor(value);
  check(aws_http_message_add_header(message, header));
}

/// Puts the signature into `message`. Without a hash of the body the library makes one.
void sign_message(aws_http_message* message, const Keys& keys, const Scope& scope, bool in_query,
                  std::uint64_t seconds, std::string_view body_hash = {}) {
  const Held<aws_credentials> credentials(aws_credentials_new(library(), cursor(keys.id), cursor(keys.secret),
                                                              cursor(keys.token), keys.expires_at_s));
  const Held<aws_signable> signable(aws_signable_new_http_request(library(), message));
  if (!credentials || !signable) check(AWS_OP_ERR);
  aws_signing_config_aws config{};
  config.config_type = AWS_SIGNING_CONFIG_AWS;
  config.algorithm = AWS_SIGNING_ALGORITHM_V4;
  config.signature_type = in_query ? AWS_ST_HTTP_REQUEST_QUERY_PARAMS : AWS_ST_HTTP_REQUEST_HEADERS;
  config.region = cursor(scope.region);
  config.service = cursor(scope.service);
  aws_date_time_init_epoch_millis(&config.date, static_cast<std::uint64_t>(scope.time_s) * 1000);
  config.flags.use_double_uri_encode = scope.is_path_as_it_is ? 0 : 1;
  config.flags.should_normalize_uri_path = scope.is_path_as_it_is ? 0 : 1;
  config.signed_body_value = cursor(body_hash);
  if (in_query) config.signed_body_value = g_aws_signed_body_value_unsigned_payload;
  config.signed_body_header = scope.is_hash_sent && !in_query ? AWS_SBHT_X_AMZ_CONTENT_SHA256 : AWS_SBHT_NONE;
  config.credentials = credentials.get();
  config.expiration_in_seconds = seconds;
  struct Outcome {
    aws_http_message* message;
    int code = AWS_OP_ERR;
  } outcome{message};
  // With the keys at hand it is done before the call returns.
  check(aws_sign_request_aws(
      library(), signable.get(), reinterpret_cast<const aws_signing_config_base*>(&config),
      [](aws_signing_result* result, int code, void* context) {
        auto& mine = *static_cast<Outcome*>(context);
        mine.code = code != AWS_OP_SUCCESS
                        ? code
                        : aws_apply_signing_result_to_http_request(mine.message, library(), result);
      },
      &outcome));
  if (outcome.code != AWS_OP_SUCCESS)
    throw Error(CLEAT_INTERNAL, "the request cannot be signed: " + library_error(outcome.code));
}

Held<aws_http_message> message_of(const std::string& method, const Address& address) {
  Held<aws_http_message> message(aws_http_message_new_request(library()));
  if (!message) check(AWS_OP_ERR);
  check(aws_http_message_set_request_method(message.get(), cursor(method)));
  check(aws_http_message_set_request_path(message.get(), cursor(address.path)));
  add_header(message.get(), "host", address.host);
  return message;
}

}  // namespace

void sign(common::HttpRequest& request, const Keys& keys, const Scope& scope, std::string_view body_hash) {
  const Held<aws_http_message> message = message_of(request.method, address_of(request.url));
  for (const common::HttpHeader& header : request.headers)
    add_header(message.get(), header.name, header.value);
  const aws_byte_cursor body = cursor(request.body);
  const Held<aws_input_stream> stream(aws_input_stream_new_from_cursor(library(), &body));
  aws_http_message_set_body_stream(message.get(), stream.get());
  const std::size_t before = aws_http_message_get_header_count(message.get());
  sign_message(message.get(), keys, scope, false, 0, body_hash);
  for (std::size_t i = before; i < aws_http_message_get_header_count(message.get()); ++i) {
    aws_http_header header{};
    check(aws_http_message_get_header(message.get(), &header, i));
    request.headers.push_back({text_of(header.name), text_of(header.value), true});
  }
}

std::string presigned(const std::string& method, const std::string& url, const Keys& keys, const Scope& scope,
                      std::uint64_t seconds) {
  const Address address = address_of(url);
  const Held<aws_http_message> message = message_of(method, address);
  sign_message(message.get(), keys, scope, true, seconds);
  aws_byte_cursor path{};
  check(aws_http_message_get_request_path(message.get(), &path));
  return url.substr(0, address.path_at) + text_of(path);
}

}  // namespace cleat::aws
