#include "beast_client.hpp"

#include <array>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

namespace cleat::bench {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Socket = asio::basic_stream_socket<tcp, asio::io_context::executor_type>;

constexpr std::size_t kReadSize = 4 * 1024;

void stop_on(const error_code& failure) {
  if (!failure) return;
  std::fprintf(stderr, "connection to the application: %s\n", failure.message().c_str());
  std::exit(1);
}

class Connection final : public ClientConnection {
 public:
  Connection(asio::io_context& io, std::uint16_t port, std::string_view path,
             std::function<void(unsigned)> answered)
      : socket_(io), answered_(std::move(answered)), head_("POST ") {
    socket_.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
    socket_.set_option(tcp::no_delay(true));
    head_.append(path).append(" HTTP/1.1\r\nHost: 127.0.0.1:").append(std::to_string(port));
    head_ += "\r\nContent-Type: application/json\r\nContent-Length: ";
    fixed_ = head_.size();
  }

  void post(std::string_view body) override {
    head_.resize(fixed_);
    head_.append(std::to_string(body.size())).append("\r\n\r\n");
    const std::array pieces{asio::const_buffer(head_.data(), head_.size()),
                            asio::const_buffer(body.data(), body.size())};
    error_code failure;
    asio::write(socket_, pieces, failure);
    stop_on(failure);
    parser_.emplace().eager(true);
    read();
  }

 private:
  void read() {
    socket_.async_read_some(buffer_.prepare(kReadSize), [this](error_code failure, std::size_t size) {
      stop_on(failure);
      parse(size);
    });
  }

  void parse(std::size_t size) {
    buffer_.commit(size);
    error_code failure;
    buffer_.consume(parser_->put(buffer_.data(), failure));
    if (failure != http::error::need_more) stop_on(failure);
    if (parser_->is_done()) {
      answered_(parser_->get().result_int());
    } else {
      read();
    }
  }

  Socket socket_;
  std::function<void(unsigned)> answered_;
  std::string head_;
  std::size_t fixed_ = 0;  ///< of head_, what is the same for every request
  boost::beast::flat_buffer buffer_{};
  std::optional<http::response_parser<http::string_body>> parser_{};
};

}  // namespace

std::unique_ptr<ClientConnection> connect(asio::io_context& io, std::uint16_t port, std::string_view path,
                                          std::function<void(unsigned)> answered) {
  return std::make_unique<Connection>(io, port, path, std::move(answered));
}

}  // namespace cleat::bench
