#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace cleat::bench {

/// A keep-alive connection to the application, one request at a time.
class ClientConnection {
 public:
  virtual ~ClientConnection() = default;
  /// Sends `body`, which is needed only during the call. `answered` of connect() runs when the answer is
  /// read.
  virtual void post(std::string_view body) = 0;
};

/// The thinnest client that Beast's parser on an Asio socket allows. `answered` gets the status on the
/// io_context's thread; a broken connection ends the program. The connection lives as long as the caller
/// keeps it.
std::unique_ptr<ClientConnection> connect(boost::asio::io_context& io, std::uint16_t port,
                                          std::string_view path,
                                          std::function<void(unsigned status)> answered);

}  // namespace cleat::bench
