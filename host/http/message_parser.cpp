#include "http/message_parser.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>

#include "base/text.hpp"

namespace cleat::http {
namespace {

namespace bhttp = boost::beast::http;

/// What is allocated ahead for a body of announced length: a client must send what it wants us to hold.
constexpr std::uint64_t kReserved = 64 * 1024;

std::string_view std_view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

// Beast has unfolded the value already: either it lies outside the input, or there is a line end before it.
bool is_folded(boost::beast::string_view name, boost::beast::string_view value, std::size_t longest) {
  const char* after_name = name.data() + name.size();
  const auto distance =
      reinterpret_cast<std::intptr_t>(value.data()) - reinterpret_cast<std::intptr_t>(after_name);
  if (distance < 0 || distance > static_cast<std::intptr_t>(longest)) return true;
  return std::find(after_name, after_name + distance, '\n') != after_name + distance;
}

}  // namespace

void HeaderList::add(bhttp::field field, std::string_view name, std::string_view value) {
  const auto begin = static_cast<std::uint32_t>(text_.size());
  text_ += name;
  const auto middle = static_cast<std::uint32_t>(text_.size());
  text_ += value;
  fields_.push_back({field, begin, middle, static_cast<std::uint32_t>(text_.size())});
}

std::string_view HeaderList::first(bhttp::field field) const {
  for (const Entry& entry : fields_) {
    if (entry.field == field) return value(entry);
  }
  return {};
}

std::string_view HeaderList::first(std::string_view wanted) const {
  for (const Entry& entry : fields_) {
    if (iequals(name(entry), wanted)) return value(entry);
  }
  return {};
}

std::size_t HeaderList::count(bhttp::field field) const {
  return static_cast<std::size_t>(std::count_if(fields_.begin(), fields_.end(),
                                                [&](const Entry& entry) { return entry.field == field; }));
}

std::string HeaderList::joined(std::string_view wanted) const {
  std::string out;
  bool found = false;
  for (const Entry& entry : fields_) {
    if (!iequals(name(entry), wanted)) continue;
    if (found) out += ',';
    found = true;
    out += value(entry);
  }
  return out;
}

template <bool isRequest>
MessageParser<isRequest>::MessageParser(MessageText& text, const MessageLimits& limits)
    : text_(text), limits_(limits) {
  text_.headers.clear();
  text_.target.clear();
  text_.verb = bhttp::verb::unknown;
  text_.status = 0;
  text_.version = 11;
  text_.body.clear();
  this->body_limit(boost::none);
  this->header_limit(static_cast<std::uint32_t>(limits.header_bytes));
}

template <bool isRequest>
std::size_t MessageParser<isRequest>::feed(const void* data, std::size_t size) {
  need_more_ = size == 0;
  if (need_more_) return 0;
  error_code error;
  const std::size_t used = this->put(boost::asio::const_buffer(data, size), error);
  if (error == bhttp::error::need_more) {
    need_more_ = true;
  } else if (error && fault_ == ParseFault::none) {
    fault_ = error == bhttp::error::header_limit  ? ParseFault::headers_too_large
             : error == bhttp::error::bad_version ? ParseFault::version
                                                  : ParseFault::malformed;
    why_ = error.message();
  }
  return used;
}

template <bool isRequest>
bool MessageParser<isRequest>::feed_eof() {
  if (!this->got_some() || !header_done_) return false;
  error_code error;
  this->put_eof(error);
  return !error && this->is_done();
}

template <bool isRequest>
void MessageParser<isRequest>::refuse(error_code& error, ParseFault fault, std::string_view why) {
  fault_ = fault;
  why_ = why;
  error = bhttp::make_error_code(bhttp::error::bad_value);
}

template <bool isRequest>
void MessageParser<isRequest>::on_request_impl(bhttp::verb method, string_view method_name,
                                               string_view target, int version, error_code& error) {
  text_.verb = method;
  text_.method = std_view(method_name);
  text_.target = std_view(target);
  text_.version = static_cast<unsigned>(version);
  if (method_name.size() + target.size() > limits_.header_bytes) {
    refuse(error, ParseFault::headers_too_large, "the request line is too long");
  }
}

template <bool isRequest>
void MessageParser<isRequest>::on_response_impl(int code, string_view, int version, error_code&) {
  text_.status = static_cast<unsigned>(code);
  text_.version = static_cast<unsigned>(version);
}

template <bool isRequest>
void MessageParser<isRequest>::on_field_impl(bhttp::field field, string_view name, string_view value,
                                             error_code& error) {
  if (header_done_) return;
  if (is_folded(name, value, limits_.header_bytes)) {
    return refuse(error, ParseFault::malformed, "a header is folded over several lines");
  }
  if (!check_framing(field, std_view(value), error)) return;
  text_.headers.add(field, std_view(name), std_view(value));
  if (text_.headers.bytes() + text_.target.size() > limits_.header_bytes) {
    refuse(error, ParseFault::headers_too_large, "the headers are too long");
  }
}

// Whatever two readers of one message could frame differently is refused, not interpreted.
template <bool isRequest>
bool MessageParser<isRequest>::check_framing(bhttp::field field, std::string_view value, error_code& error) {
  if (field == bhttp::field::content_length) {
    const bool digits = !value.empty() &&
                        std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits || text_.headers.count(field) != 0) {
      refuse(error, ParseFault::malformed, "expected one Content-Length of digits only");
      return false;
    }
  }
  if (field == bhttp::field::transfer_encoding) {
    if (!iequals(value, "chunked") || text_.version < 11 || text_.headers.count(field) != 0) {
      refuse(error, ParseFault::malformed,
             "expected no Transfer-Encoding other than chunked, in HTTP/1.1, once");
      return false;
    }
  }
  return true;
}

template <bool isRequest>
void MessageParser<isRequest>::on_header_impl(error_code& error) {
  header_done_ = true;
  if constexpr (isRequest) {
    const std::size_t hosts = text_.headers.count(bhttp::field::host);
    if (hosts > 1 || (hosts == 0 && text_.version >= 11)) {
      refuse(error, ParseFault::malformed, "expected one Host header");
    }
  } else if (const auto length = this->content_length();
             length && limits_.body_bytes != 0 && *length > limits_.body_bytes + limits_.dropped_bytes) {
    refuse(error, ParseFault::body_too_large, "stream too large");
  }
}

template <bool isRequest>
void MessageParser<isRequest>::on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) {
  if (length) text_.body.reserve(std::min(*length, kReserved));
}

template <bool isRequest>
std::size_t MessageParser<isRequest>::on_body_impl(string_view body, error_code& error) {
  const std::uint64_t room = limits_.body_bytes == 0 ? body.size() : limits_.body_bytes - text_.body.size();
  const std::uint64_t over = body.size() > room ? body.size() - room : 0;
  dropped_ += over;
  if (dropped_ > limits_.dropped_bytes) {
    refuse(error, ParseFault::body_too_large, "stream too large");
    return 0;
  }
  text_.body.append(body.data(), body.size() - over);
  return body.size();
}

template <bool isRequest>
void MessageParser<isRequest>::on_chunk_header_impl(std::uint64_t, string_view, error_code&) {}

template <bool isRequest>
std::size_t MessageParser<isRequest>::on_chunk_body_impl(std::uint64_t, string_view body, error_code& error) {
  return on_body_impl(body, error);
}

template <bool isRequest>
void MessageParser<isRequest>::on_finish_impl(error_code&) {}

template class MessageParser<true>;
template class MessageParser<false>;

}  // namespace cleat::http
