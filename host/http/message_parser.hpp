#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cleat::http {

/// The fields of one message, in arrival order, in memory that is used again for the next message.
class HeaderList {
 public:
  void clear() {
    text_.clear();
    fields_.clear();
  }
  void add(boost::beast::http::field field, std::string_view name, std::string_view value);
  /// The first value of a well-known field, or empty.
  [[nodiscard]] std::string_view first(boost::beast::http::field field) const;
  /// The first value of the name, compared without case, or nullptr-data when absent.
  [[nodiscard]] std::string_view first(std::string_view name) const;
  [[nodiscard]] std::size_t count(boost::beast::http::field field) const;
  /// All values of the name, joined with commas.
  [[nodiscard]] std::string joined(std::string_view name) const;
  /// About what the fields took on the wire.
  [[nodiscard]] std::size_t bytes() const { return text_.size() + 4 * fields_.size(); }

 private:
  struct Entry {
    boost::beast::http::field field;
    std::uint32_t name_begin, value_begin, end;
  };
  [[nodiscard]] std::string_view name(const Entry& e) const { return view(e.name_begin, e.value_begin); }
  [[nodiscard]] std::string_view value(const Entry& e) const { return view(e.value_begin, e.end); }
  [[nodiscard]] std::string_view view(std::uint32_t begin, std::uint32_t end) const {
    return std::string_view(text_).substr(begin, end - begin);
  }

  std::string text_;
  std::vector<Entry> fields_;
};

/// Bounds of one message.
struct MessageLimits {
  std::size_t header_bytes = 8192;
  std::uint64_t body_bytes = 0;     ///< 0: no limit
  std::uint64_t dropped_bytes = 0;  ///< so much more is read and left out before a body is refused
};

/// Why a message was not taken.
enum class ParseFault : std::uint8_t { none, malformed, version, headers_too_large, body_too_large };

/// What a message carries, kept by the connection and used again.
struct MessageText {
  HeaderList headers;
  std::string target;  ///< of a request
  std::string method;
  std::string body;
  boost::beast::http::verb verb = boost::beast::http::verb::unknown;
  unsigned status = 0;  ///< of a response
  unsigned version = 11;
};

/// Beast's parser with what it lets through and a front door must not: Content-Length twice or beside
/// Transfer-Encoding, a Transfer-Encoding other than "chunked" or in HTTP/1.0, folded lines. Trailer fields
/// are checked and ignored. Stores into a MessageText.
template <bool isRequest>
class MessageParser final : public boost::beast::http::basic_parser<isRequest> {
 public:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;

  MessageParser(MessageText& text, const MessageLimits& limits);

  /// Parses what it can. Returns how many bytes are used up; need_more() says whether it wants others.
  std::size_t feed(const void* data, std::size_t size);
  [[nodiscard]] bool need_more() const { return need_more_; }
  [[nodiscard]] ParseFault fault() const { return fault_; }
  /// What is wrong. Where it is given up without a fault: that it only wants more and more.
  [[nodiscard]] std::string why() const {
    return fault_ == ParseFault::none ? "the head of a chunk or the trailers are too long" : why_;
  }
  /// The far end will send no more: ends a response whose end is the end of the connection. False: it is cut
  /// off.
  bool feed_eof();

 private:
  void on_request_impl(boost::beast::http::verb method, string_view method_name, string_view target,
                       int version, error_code& error) override;
  void on_response_impl(int code, string_view reason, int version, error_code& error) override;
  void on_field_impl(boost::beast::http::field field, string_view name, string_view value,
                     error_code& error) override;
  void on_header_impl(error_code& error) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& error) override;
  std::size_t on_body_impl(string_view body, error_code& error) override;
  void on_chunk_header_impl(std::uint64_t size, string_view extensions, error_code& error) override;
  std::size_t on_chunk_body_impl(std::uint64_t remain, string_view body, error_code& error) override;
  void on_finish_impl(error_code& error) override;

  void refuse(error_code& error, ParseFault fault, std::string_view why);
  bool check_framing(boost::beast::http::field field, std::string_view value, error_code& error);

  MessageText& text_;
  const MessageLimits limits_;
  bool header_done_ = false;
  bool need_more_ = false;
  std::uint64_t dropped_ = 0;
  ParseFault fault_ = ParseFault::none;
  std::string why_;
};

using RequestParser = MessageParser<true>;
using ResponseParser = MessageParser<false>;

extern template class MessageParser<true>;
extern template class MessageParser<false>;

}  // namespace cleat::http
