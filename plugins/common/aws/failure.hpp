#pragma once

#include <string>
#include <string_view>

#include "common/aws/keys.hpp"
#include "common/curl/answer.hpp"

namespace cleat::aws {

/// Why a request to AWS has failed; `code` is AWS's own: "QueueDoesNotExist".
struct Failure : common::ServiceFailure {
  enum class Remedy { none, new_keys, new_clock } remedy = Remedy::none;
};

/// What an error of AWS means by its code and HTTP status alone. `may_run_twice`: the request does no harm if it had been
/// carried out.
Failure meaning_of(std::string_view code, int http_status, bool may_run_twice);

/// An answer that is an error, JSON or XML; `what` names the request in front of the text.
Failure failure_of(const common::HttpResponse& answer, std::string_view what, bool may_run_twice,
                   const Keys& keys);

/// No answer, or half of one.
Failure failure_of(const common::TransferFailure& failure, std::string_view what, bool may_run_twice);

/// The id by which AWS finds a request in its logs; empty if the answer has none.
std::string request_id_of(const common::HttpResponse& answer);

/// What stands between <name> and </name> at its first place, with the entities of XML resolved.
std::string xml_text(std::string_view xml, std::string_view name);

}  // namespace cleat::aws
