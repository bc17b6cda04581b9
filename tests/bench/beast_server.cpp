#include "beast_server.hpp"

#include <array>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdio>
#include <optional>
#include <string>

namespace cleat::bench {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
// The concrete executor: any_io_executor costs a virtual call or two for each operation.
using Socket = asio::basic_stream_socket<tcp, asio::io_context::executor_type>;
using Acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;

constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::string_view kNoContent = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr std::string_view kFailed = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";

class Session final : public ServerSession, public std::enable_shared_from_this<Session> {
 public:
  Session(Socket socket, const ServerHandler& handler) : socket_(std::move(socket)), handler_(handler) {
    parser_.emplace().eager(true);
  }
  [[nodiscard]] std::string_view body() const override { return parser_->get().body(); }

  void answer(bool failed) override {
    error_code failure;
    const auto text = failed ? kFailed : kNoContent;
    asio::write(socket_, asio::buffer(text.data(), text.size()), failure);
    read_next();
  }

  void answer_with(std::string_view bytes) override {
    const std::string head =
        "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(bytes.size()) + "\r\n\r\n";
    const std::array pieces{asio::const_buffer(head.data(), head.size()),
                            asio::const_buffer(bytes.data(), bytes.size())};
    error_code failure;
    asio::write(socket_, pieces, failure);
    read_next();
  }

  void read() {
    socket_.async_read_some(buffer_.prepare(kReadSize),
                            [self = shared_from_this()](error_code failure, std::size_t size) {
                              if (!failure) self->parse(size);
                            });
  }

 private:
  void read_next() {
    parser_.emplace().eager(true);
    read();
  }

  void parse(std::size_t size) {
    buffer_.commit(size);
    error_code failure;
    buffer_.consume(parser_->put(buffer_.data(), failure));
    if (failure && failure != http::error::need_more) return;
    if (parser_->is_done()) {
      handler_(shared_from_this());
    } else {
      read();
    }
  }

  Socket socket_;
  const ServerHandler& handler_;
  boost::beast::flat_buffer buffer_{};
  std::optional<http::request_parser<http::string_body>> parser_{};
};

class Server final : public std::enable_shared_from_this<Server> {
 public:
  Server(asio::io_context& io, ServerHandler handler)
      : acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), handler_(std::move(handler)) {}

  void accept() {
    acceptor_.async_accept([self = shared_from_this()](error_code failure, Socket socket) {
      if (failure) return;
      socket.set_option(tcp::no_delay(true), failure);
      std::make_shared<Session>(std::move(socket), self->handler_)->read();
      self->accept();
    });
  }
  [[nodiscard]] unsigned port() const { return acceptor_.local_endpoint().port(); }

 private:
  Acceptor acceptor_;
  ServerHandler handler_;
};

}  // namespace

void serve(asio::io_context& io, ServerHandler handler) {
  const auto server = std::make_shared<Server>(io, std::move(handler));
  server->accept();
  std::printf("listening on 127.0.0.1:%u\n", server->port());
  std::fflush(stdout);
}

}  // namespace cleat::bench
