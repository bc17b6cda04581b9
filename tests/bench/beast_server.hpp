#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string_view>

namespace cleat::bench {

/// One request of one connection. Lives on the io_context's thread, until it is answered or the connection
/// ends.
class ServerSession {
 public:
  virtual ~ServerSession() = default;
  /// Valid until answer().
  [[nodiscard]] virtual std::string_view body() const = 0;
  /// 204, or 500 when `failed`; then reads the next request.
  virtual void answer(bool failed = false) = 0;
  /// 200 with these bytes, which are needed only during the call; then reads the next request.
  virtual void answer_with(std::string_view bytes) = 0;
};

using SessionPtr = std::shared_ptr<ServerSession>;

/// Reads a request and its body, and hands it over; a held session may be answered later.
using ServerHandler = std::function<void(SessionPtr)>;

/// The thinnest server that Beast's parser on an Asio socket allows: one thread, keep-alive, a constant
/// answer. Prints "listening on 127.0.0.1:<port>". Serves as long as the io_context runs.
void serve(boost::asio::io_context& io, ServerHandler handler);

}  // namespace cleat::bench
